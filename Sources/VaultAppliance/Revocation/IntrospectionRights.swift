/// Which resource servers may ask about the tokens of which targets, by the clients' `introspects`.
struct IntrospectionRights: Sendable {
    private let audiences: [String: Set<String>]

    /// The rights that a configuration gives; it has made sure that every target named there is one.
    init(_ configuration: Configuration) {
        let byName = Dictionary(configuration.targets.map { ($0.name, $0.audience) }) { first, _ in first }
        audiences = Dictionary(
            configuration.clients.map { ($0.id, Set($0.introspects.compactMap { byName[$0] })) }
        ) { first, _ in first }
    }

    /// Whether a client may ask about tokens with this `aud`.
    func allows(_ client: String, audience: String) -> Bool { audiences[client]?.contains(audience) == true }
}
