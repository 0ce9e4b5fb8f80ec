/// Whose users the security events of which issuer may be about, by the issuers' `events_for`.
struct EventTransmitters: Sendable {
    private let subjects: [String: Set<String>]

    /// The transmitters of a configuration.
    init(_ configuration: Configuration) {
        subjects = Dictionary(configuration.issuers.map { ($0.name, Set($0.eventsFor)) }) { first, _ in first }
    }

    /// Whether the transmitter may speak of the users of another issuer; both are names of the configuration.
    func may(_ transmitter: String, speakOf issuer: String) -> Bool { subjects[transmitter]?.contains(issuer) == true }
}
