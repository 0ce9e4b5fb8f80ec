/// Whose work a lane does; decides about places in the queue and shares of lane time.
enum WorkClass: Sendable, Hashable, CaseIterable {
    /// Signatures of credentials.
    case minting
    /// Handshakes of listeners: at most a fifth of lane time while minting waits.
    case tls
    /// Checkpoints, sealed secrets, look-ups, probes: rare, in line with minting, but with places of their own when the queue is full.
    case upkeep
}
