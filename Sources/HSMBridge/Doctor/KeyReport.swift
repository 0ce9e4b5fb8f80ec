/// A private key as the token shows it, and what came of trying it.
package struct KeyReport: Sendable, Equatable {
    /// Where a key came from, as the token tells it (CKA_LOCAL).
    package enum Provenance: String, Sendable {
        /// Born in the token.
        case generated
        /// Brought in from outside.
        case imported
        /// The token does not say, or says the same of every key.
        case unknown
    }

    /// CKA_LABEL.
    package let label: String
    /// CKA_ID.
    package let id: [UInt8]
    /// What it is used with; nil for a kind of key this appliance does not use.
    package let algorithm: KeyAlgorithm?
    /// What the manifest has it for; nil when no manifest names it.
    package let purpose: String?
    /// RFC 7638 thumbprint of the public key that the manifest has; nil when no manifest names it.
    package var kid: String?
    /// Where the manifest says that it is in its life; nil when no manifest names it.
    package var state: String?
    /// Where it came from.
    package let provenance: Provenance
    /// Flags by name, as in `CKA_SENSITIVE`; empty when nobody has logged in to ask.
    package let attributes: [String: Bool]
    /// Mechanisms it is bound to, by name; empty when it is bound to none.
    package let allowedMechanisms: [String]
    /// Negative probes by name, and what the token refused each with.
    package var refusals: [String: ReturnValue] = [:]
    /// How long a canary signature took, the median of a few; nil when there was none.
    package var signature: Duration?
}
