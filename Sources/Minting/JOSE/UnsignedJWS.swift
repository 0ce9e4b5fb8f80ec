package import StrictEncoding

/// A token that lacks nothing but its signature.
///
/// Source: RFC 7515 section 5.1.
package struct UnsignedJWS: Sendable {
    /// The bytes to sign: header and claims in base64url with a dot between them.
    package let signingInput: [UInt8]

    /// A token of a media type (`typ`, explicit by RFC 8725 section 3.11) for one key.
    package init(type: String, algorithm: JWSAlgorithm, kid: String, claims: JSONObject) {
        let header = JSONObject([
            .init(name: "alg", value: .string(algorithm.rawValue)), .init(name: "kid", value: .string(kid)),
            .init(name: "typ", value: .string(type)),
        ])
        var input: [UInt8] = []
        let payload = JSONWriter.compact(.object(claims))
        input.reserveCapacity(192 + payload.count * 4 / 3)
        Base64URL.append(JSONWriter.compact(.object(header)), to: &input)
        input.append(UInt8(ascii: "."))
        Base64URL.append(payload, to: &input)
        signingInput = input
    }

    /// The compact serialization with `signature`, in the form its algorithm prescribes (ES256: r and s, 64 bytes).
    package func compact(signature: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(signingInput.count + 2 + signature.count * 4 / 3)
        text.append(contentsOf: signingInput)
        text.append(UInt8(ascii: "."))
        Base64URL.append(signature, to: &text)
        return String(decoding: text, as: UTF8.self)
    }
}
