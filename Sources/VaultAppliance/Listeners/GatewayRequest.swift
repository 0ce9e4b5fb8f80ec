/// A request to the gateway listener, read and bounded, for a service that knows no HTTP library.
package struct GatewayRequest: Sendable {
    /// The path it came to, one of the routes.
    package var path: String
    /// The whole body.
    package var bodyBytes: [UInt8]
    /// The `Content-Type` as sent.
    package var contentType: String?
    /// The values of its `DPoP` fields (RFC 9449 section 4.1); more than one is the service's to refuse.
    package var dpop: [String]
    /// Whether it has an `Authorization` field, which no endpoint here reads.
    package var hasAuthorization: Bool
    /// The scheme its `Authorization` field names, for the challenge of a refusal; nil where that is no scheme's name.
    package var authorizationScheme: String?
    /// The client's verified certificate, nil when it sent none; its `notAfter` is the service's to check.
    package var peer: PeerCertificate?
    /// 128 random bits in hex, also in the answer's `X-Request-Id`.
    package var requestID: String
    /// The remote IP address.
    package var remoteAddress: String?
    /// When the listener gives up waiting and answers 503.
    package var deadline: ContinuousClock.Instant

    /// A request by its parts.
    package init(
        path: String, bodyBytes: [UInt8], contentType: String?, dpop: [String] = [], hasAuthorization: Bool = false,
        authorizationScheme: String? = nil, peer: PeerCertificate?, requestID: String, remoteAddress: String?,
        deadline: ContinuousClock.Instant
    ) {
        self.path = path
        self.bodyBytes = bodyBytes
        self.contentType = contentType
        self.dpop = dpop
        self.hasAuthorization = hasAuthorization
        self.authorizationScheme = authorizationScheme
        self.peer = peer
        self.requestID = requestID
        self.remoteAddress = remoteAddress
        self.deadline = deadline
    }
}
