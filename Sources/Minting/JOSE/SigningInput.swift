package import StrictEncoding

/// What a signature covers, taken apart: header and claims of a token that is still to be signed.
///
/// For the core's gate, which checks both against a key's profile before it lets the key sign. Read as strictly as an
/// inbound token, so that no verifier can read anything else out of the bytes. Source: RFC 7515 section 5.1.
package struct SigningInput: Sendable {
    /// The longest input in bytes.
    package static let maximumLength = 65_536

    /// The protected header, every member of it.
    package let header: JSONObject
    /// The claims.
    package let claims: JSONObject

    /// Reads `header.claims`, both base64url of strict JSON objects; throws `malformed` or `tooLong`.
    package init(parsing input: [UInt8]) throws(TokenRejection) {
        guard input.count <= Self.maximumLength else { throw TokenRejection(.tooLong) }
        let dots = try CompactForm.dots(in: input)
        guard dots.count == 1 else { throw TokenRejection(.malformed) }
        header = try CompactForm.object(input[..<dots[0]])
        claims = try CompactForm.object(input[(dots[0] + 1)...])
    }
}
