extension Entry {
    /// What happened.
    ///
    /// A closed set: a kind the log does not know refuses the entry.
    package enum Kind: String, Sendable, CaseIterable {
        /// A credential is about to be signed; it is released once this is durable.
        case mint
        /// A recorded mint came to nothing: its signature failed, or it came too late. Nobody got that credential.
        case mintAborted = "mint.aborted"
        /// A request was refused, or `count` of them were.
        case denied
        /// A provider is about to be asked for a credential; its assertion's `jti` is this leaf's hash.
        case brokerIntent = "broker.intent"
        /// What the provider answered.
        case brokerOutcome = "broker.outcome"
        /// A secret was put into an envelope.
        case secretSealed = "secret.sealed"
        /// A secret is about to be handed out for one recorded use.
        case secretOpened = "secret.opened"
        /// A new version of a secret is the current one.
        case secretRotated = "secret.rotated"
        /// The data key of a secret was wrapped to other tokens; the version is the same.
        case secretRewrapped = "secret.rewrapped"
        /// A secret may not be opened any more.
        case secretRemoved = "secret.removed"
        /// A configuration bundle is in force from here on.
        case configLoaded = "config.loaded"
        /// An approver signed a configuration bundle.
        case configApproved = "config.approved"
        /// A credential, client or key was revoked.
        case revoked
        /// A user, agent, gateway or provider was cut off for a time.
        case cutoff
        case adminCoreStarted = "admin.core-started"
        case adminCoreStopped = "admin.core-stopped"
        /// A ceremony has made a key, or has taken in one that was made elsewhere (`provenance` `imported`).
        case adminKeysGenerated = "admin.keys-generated"
        case adminKeyQuarantined = "admin.key-quarantined"
        case adminManifestInstalled = "admin.manifest-installed"
        case adminTLSInstalled = "admin.tls-installed"
        /// The core offered a request for shares.
        case activationRequested = "activation.requested"
        /// A custodian contributed to it.
        case activationContributed = "activation.contributed"
        /// Custodians brought the token to life.
        case activationCompleted = "activation.completed"
        /// A request for shares was withdrawn or ran out.
        case activationCancelled = "activation.cancelled"
        /// The core forgot its PIN.
        case activationSealed = "activation.sealed"
        case ceremonyApproved = "ceremony.approved"
        case ceremonyStarted = "ceremony.started"
        case ceremonyStep = "ceremony.step"
        case ceremonyCompleted = "ceremony.completed"
        case ceremonyAborted = "ceremony.aborted"
        /// The first entry of a shard: which log it continues, at which final checkpoint.
        case logShardOpened = "log.shard-opened"
        /// The last entry of a shard.
        case logShardClosed = "log.shard-closed"
        /// The entries of a closed shard were removed; its final checkpoint stays.
        case logShardPruned = "log.shard-pruned"
        /// Somebody vouched for the clock after a jump: the one place where times may run backwards.
        case logTimeAccepted = "log.time-accepted"
        /// An older copy of the log was put back on purpose: entries that had been checkpointed are lost.
        case logRestored = "log.restored"

        /// What stands before the first full stop; the whole name where there is none.
        package var group: String { String(rawValue.prefix { $0 != "." }) }

        /// Whether entries of this kind may carry `detail`: those about the appliance, never those about a request.
        package var allowsDetail: Bool {
            ["admin", "activation", "ceremony", "config", "log"].contains(group)
        }

        /// Whether entries of this kind say what is in force, long after: they outlive the pruning of their shard.
        package var isState: Bool {
            switch self {
            case .secretSealed, .secretRotated, .secretRewrapped, .secretRemoved, .configApproved, .revoked, .cutoff,
                .adminCoreStarted, .adminKeyQuarantined, .adminManifestInstalled, .adminKeysGenerated,
                .activationContributed, .ceremonyCompleted, .logShardPruned, .logRestored, .logTimeAccepted:
                true
            default: false
            }
        }

        /// Whether something is released once this is recorded: under `strict` only when a checkpoint covers it.
        var releases: Bool {
            switch self {
            case .mint, .brokerIntent, .brokerOutcome, .secretOpened: true
            default: false
            }
        }

        /// Whether something new is about to be released: refused while checkpoints cannot be had.
        ///
        /// What a provider answered is recorded all the same: its credential exists already.
        var needsCheckpoints: Bool { releases && self != .brokerOutcome }

        /// Whether this kind may use the disk space that is kept back: what issues credentials, and what stops them.
        var usesReserve: Bool {
            switch self {
            case .mint, .mintAborted, .brokerIntent, .brokerOutcome, .secretOpened, .secretRotated, .secretRewrapped,
                .secretRemoved,
                .revoked, .cutoff, .adminCoreStopped, .adminKeyQuarantined, .activationSealed, .ceremonyAborted,
                .logShardOpened, .logShardClosed, .logShardPruned, .logTimeAccepted, .logRestored:
                true
            case .denied, .secretSealed, .configLoaded, .configApproved, .adminCoreStarted, .adminKeysGenerated,
                .adminManifestInstalled, .adminTLSInstalled, .activationRequested, .activationContributed,
                .activationCompleted, .activationCancelled, .ceremonyApproved, .ceremonyStarted, .ceremonyStep,
                .ceremonyCompleted:
                false
            }
        }
    }
}
