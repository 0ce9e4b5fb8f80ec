import StrictEncoding

/// What is read of a protected header; nothing in it is trusted before the signature is.
///
/// Source: RFC 7515 section 4.1.
struct JWSHeader: Sendable {
    /// The most members a header may have.
    static let maximumMembers = 16
    /// Members that would bring their own key, change what is signed, wrap another token, or that an issuer insists on.
    ///
    /// Others that are unknown are ignored, as RFC 7515 section 4 asks; `x5t` and `x5t#S256` merely repeat the `kid`.
    static let refused: [String] = [
        "crit", "b64", "jwk", "jku", "x5u", "x5c", "cty", "enc", "zip", "epk", "apu", "apv", "p2s", "p2c", "iv", "tag",
    ]

    /// As it stands; compared with the pinned algorithm of the key, never used to choose one.
    let algorithm: String
    let kid: String
    /// Media type without `application/`, in lower case (RFC 7515 section 4.1.9); nil when absent.
    let type: String?

    init(_ object: JSONObject) throws(TokenRejection) {
        if let name = Self.refused.first(where: { object[$0] != nil }) {
            throw TokenRejection(.unsupportedHeader(name))
        }
        guard object.members.count <= Self.maximumMembers else { throw TokenRejection(.malformed) }
        guard let algorithm = object["alg"]?.string else { throw TokenRejection(.badHeader("alg")) }
        guard let kid = object["kid"]?.string, VisibleASCII.isName(kid, maximum: PublicJWK.maximumKeyIDLength) else {
            throw TokenRejection(.badHeader("kid"))
        }
        self.algorithm = algorithm
        self.kid = kid
        guard let type = object["typ"] else {
            self.type = nil
            return
        }
        guard let text = type.string, VisibleASCII.isName(text, maximum: 64) else {
            throw TokenRejection(.badHeader("typ"))
        }
        self.type = Self.normalised(text)
    }

    static func normalised(_ type: String) -> String {
        var bytes = type.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
        let prefix = "application/".utf8
        if bytes.starts(with: prefix) { bytes.removeFirst(prefix.count) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
