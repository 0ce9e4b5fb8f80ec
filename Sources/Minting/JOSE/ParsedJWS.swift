import StrictEncoding

/// A token of the right form whose signature nobody has checked yet.
///
/// Its claims cannot be read: only `verified(by:)` gives them out (CVE-2026-1529 and its kind). Source: RFC 7515
/// section 3.1, RFC 8725 section 3.
struct ParsedJWS: Sendable {
    let header: JWSHeader
    /// The `iss` claim as it stands, for one use: to find the configured issuer whose keys must verify the token.
    let unverifiedIssuer: JSONValue?
    private let claims: JSONObject
    private let signingInput: ArraySlice<UInt8>
    private let signature: [UInt8]
    /// How many bytes the signature has.
    var signatureLength: Int { signature.count }

    /// Takes a compact serialization apart; nothing that could be read in two ways is accepted.
    init(parsing token: [UInt8], maximumLength: Int) throws(TokenRejection) {
        guard token.count <= maximumLength else { throw TokenRejection(.tooLong) }
        let dots = try CompactForm.dots(in: token)
        guard dots.count == 2, let signature = Base64URL.decode(token[(dots[1] + 1)...]), !signature.isEmpty else {
            throw TokenRejection(.malformed)
        }
        let header = try CompactForm.object(token[..<dots[0]])
        self.header = try JWSHeader(header)
        claims = try CompactForm.object(token[(dots[0] + 1)..<dots[1]])
        unverifiedIssuer = claims["iss"]
        signingInput = token[..<dots[1]]
        self.signature = signature
    }

    /// The claims, if the header's `alg` is the key's and the signature is the key's.
    func verified(by key: PublicJWK) throws(TokenRejection) -> JSONObject {
        guard key.algorithm.isNamed(header.algorithm) else { throw TokenRejection(.algorithmMismatch) }
        guard key.verify(signature, over: signingInput) else { throw TokenRejection(.badSignature) }
        return claims
    }
}

/// Parts of base64url between dots.
///
/// Source: RFC 7515 section 7.1.
enum CompactForm {
    /// Where the dots are: at most three are counted, so that a text of dots costs no more than any other.
    static func dots(in text: [UInt8]) throws(TokenRejection) -> [Int] {
        var dots: [Int] = []
        dots.reserveCapacity(3)
        let bytes = text.span
        for index in bytes.indices where bytes[index] == UInt8(ascii: ".") {
            guard dots.count < 3 else { throw TokenRejection(.malformed) }
            dots.append(index)
        }
        return dots
    }

    /// The JSON object that a part encodes.
    static func object(_ part: ArraySlice<UInt8>) throws(TokenRejection) -> JSONObject {
        guard let bytes = Base64URL.decode(part), let value = try? JSONParser.parse(bytes), let object = value.object
        else { throw TokenRejection(.malformed) }
        return object
    }
}
