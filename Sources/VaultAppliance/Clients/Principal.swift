/// An authenticated client, and what it has proved to hold, to which its tokens can be bound.
struct Principal: Sendable, Equatable {
    /// Its id.
    let client: String
    /// SHA-256 of the connection's certificate in base64url: `x5t#S256` (RFC 8705 section 3.1); nil without certificate.
    let thumbprint: String?
    /// RFC 7638 thumbprint of the key of its DPoP proof: `jkt` (RFC 9449 section 6.1); nil without proof.
    let keyThumbprint: String?

    /// A client with what it has proved.
    init(client: String, thumbprint: String?, keyThumbprint: String? = nil) {
        self.client = client
        self.thumbprint = thumbprint
        self.keyThumbprint = keyThumbprint
    }

    /// `token_type` of tokens for it (RFC 9449 section 5).
    var tokenType: String { keyThumbprint == nil ? "Bearer" : "DPoP" }
}
