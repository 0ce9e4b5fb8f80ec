/// What the listener knows of a request beside the message itself.
struct GatewayRequestContext: Sendable {
    /// 128 random bits in hex.
    let requestID: String
    /// The client's verified certificate; nil when it sent none.
    let peer: PeerCertificate?
    /// The remote IP address.
    let remoteAddress: String?
    /// When the listener gives up waiting for the answer.
    let deadline: ContinuousClock.Instant
    /// Bytes a body may have.
    let requestBytes: Int
}
