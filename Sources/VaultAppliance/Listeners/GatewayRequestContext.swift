/// What the listener knows of a request beside the message itself.
package struct GatewayRequestContext: Sendable {
    /// 128 random bits in hex.
    package let requestID: String
    /// The client's verified certificate; nil when it sent none.
    package let peer: PeerCertificate?
    /// The remote IP address.
    package let remoteAddress: String?
    /// When the listener gives up waiting for the answer.
    package let deadline: ContinuousClock.Instant
    /// Bytes a body may have.
    let requestBytes: Int
}
