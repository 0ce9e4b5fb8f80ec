package import StrictEncoding

/// What `LogVerifier` found to be true.
package struct VerificationReport: Sendable {
    /// The signed tree head; its root is the one computed from the entries.
    package let checkpoint: Checkpoint
    /// The keys whose signatures it carries.
    package let signers: [VerifierKey]
    /// The time in the last entry the checkpoint covers; nil for an empty log or when that entry carries none.
    package let lastEntryTime: UnixTime?
    /// Up to where a quorum of witnesses vouches for it; nil when none was asked for, or none has.
    package let witnessed: Witnessed?
    /// How many tiles and bundles were compared.
    package let filesChecked: Int
    /// How many complete entries wait in the journal for a checkpoint: they are not signed yet.
    package let journalTail: UInt64
}
