package import StrictEncoding

/// The trust root of an appliance: the only keys, tokens and gate profiles the core accepts.
///
/// A manifest is written by a ceremony, signed by a quorum of custodians and chained to its predecessor by hash. Under
/// `custody: development` alone it may stand unsigned.
package struct Manifest: Sendable, Equatable {
    /// Who vouches for a manifest.
    package enum Mode: String, Sendable, CaseIterable {
        /// Nobody: for development and tests, shown in status, health and every entry.
        case development
        /// A quorum of custodians.
        case quorum
    }

    /// The only format there is.
    package static let format = "vault-manifest/1"

    /// Identifies the appliance for life: 32 hexadecimal digits.
    package var appliance: String
    /// Counts from 1; each ceremony that changes the manifest adds one.
    package var version: Int64
    /// SHA-256 of the predecessor's body in hexadecimal; nil for the first.
    package var previous: String?
    package var custody: Mode
    package var created: UnixTime
    /// OpenSSH public key that signs activation requests; nil under development custody.
    package var hostKey: String?
    package var tokens: [ManifestToken]
    package var keys: [ManifestKey]
    package var custodians: [Person]
    package var approvers: [Person]
    /// How many custodians it takes; 0 under development custody.
    package var threshold: Int64
    package var dials: Dials
    /// Present under quorum custody alone.
    package var activation: Activation?
    /// SSHSIG signatures over the canonical body (the manifest without this member).
    package var signatures: [String]

    /// A manifest of the given parts.
    package init(
        appliance: String, version: Int64, previous: String?, custody: Mode, created: UnixTime, hostKey: String?,
        tokens: [ManifestToken], keys: [ManifestKey], custodians: [Person], approvers: [Person], threshold: Int64,
        dials: Dials, activation: Activation? = nil, signatures: [String]
    ) {
        self.appliance = appliance
        self.version = version
        self.previous = previous
        self.custody = custody
        self.created = created
        self.hostKey = hostKey
        self.tokens = tokens
        self.keys = keys
        self.custodians = custodians
        self.approvers = approvers
        self.threshold = threshold
        self.dials = dials
        self.activation = activation
        self.signatures = signatures
    }
}

extension Manifest {
    /// The mode of custody with everything that a quorum has relaxed, as it stands in every entry of the log.
    package var custodyStatement: String {
        guard custody == .quorum else { return custody.rawValue }
        var words = [custody.rawValue]
        if dials.configApprovals == 0 { words.append("config_approvals=0") }
        if dials.unattendedStart { words.append("unattended_start") }
        if dials.restartGrace > 0 { words.append("restart_grace=\(dials.restartGrace)") }
        if dials.fileTLSKeys { words.append("file_tls_keys") }
        return words.joined(separator: " ")
    }
}

extension Manifest {
    /// A custodian or an approver: one person with the keys that belong to that person alone.
    package struct Person: Sendable, Equatable {
        package var name: String
        /// OpenSSH public key that approves.
        package var sshKey: String
        /// age recipient that a share is sealed to; nil for an approver.
        package var ageRecipient: String?

        /// A person and that person's keys.
        package init(name: String, sshKey: String, ageRecipient: String?) {
            self.name = name
            self.sshKey = sshKey
            self.ageRecipient = ageRecipient
        }
    }

    /// What a quorum has decided to relax or to demand.
    package struct Dials: Sendable, Equatable {
        /// How many approvers must have signed the configuration bundle.
        package var configApprovals: Int64
        /// Whether the core may start without custodians.
        package var unattendedStart: Bool
        /// Seconds during which a restarted core may take its PIN from the service manager; at most 7200.
        package var restartGrace: Int64
        /// Whether a listener's TLS key may lie in a file.
        package var fileTLSKeys: Bool

        /// Dials at the given settings.
        package init(configApprovals: Int64, unattendedStart: Bool, restartGrace: Int64, fileTLSKeys: Bool) {
            self.configApprovals = configApprovals
            self.unattendedStart = unattendedStart
            self.restartGrace = restartGrace
            self.fileTLSKeys = fileTLSKeys
        }
    }
}
