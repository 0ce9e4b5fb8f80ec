extension Entry {
    /// What happened.
    ///
    /// A closed set: a kind the log does not know refuses the entry (docs/security-rules.md, 2).
    package enum Kind: String, Sendable, CaseIterable {
        /// A credential is about to be signed; it is released once this is durable.
        case mint
        /// The signature for a recorded mint failed: nobody got that credential.
        case mintAborted = "mint.aborted"
        /// A request was refused, or `count` of them were.
        case denied
        /// A provider is about to be asked for a credential.
        case brokerIntent = "broker.intent"
        /// What the provider answered.
        case brokerOutcome = "broker.outcome"
        /// A configuration bundle is in force from here on.
        case configLoaded = "config.loaded"
        /// A credential, client or key was revoked.
        case revoked
        /// A user, agent, gateway or provider was cut off for a time.
        case cutoff
        case adminCoreStarted = "admin.core-started"
        case adminCoreStopped = "admin.core-stopped"
        case adminKeysGenerated = "admin.keys-generated"
        case adminTLSInstalled = "admin.tls-installed"
        /// Custodians brought the token to life.
        case activationCompleted = "activation.completed"

        /// What stands before the first full stop; the whole name where there is none.
        package var group: String { String(rawValue.prefix { $0 != "." }) }

        /// Whether entries of this kind may carry `detail`: those about the appliance, never those about a request.
        var allowsDetail: Bool { ["admin", "activation", "ceremony", "config"].contains(group) }

        /// Whether this kind may use the disk space that is kept back: what issues credentials, and what stops them.
        var usesReserve: Bool {
            switch self {
            case .mint, .mintAborted, .brokerIntent, .brokerOutcome, .revoked, .cutoff, .adminCoreStopped: true
            case .denied, .configLoaded, .adminCoreStarted, .adminKeysGenerated, .adminTLSInstalled,
                .activationCompleted:
                false
            }
        }
    }
}
