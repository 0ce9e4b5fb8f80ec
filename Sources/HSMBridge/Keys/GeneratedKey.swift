/// A key that a token has made or taken in, and what the token said of it afterwards.
package struct GeneratedKey: Sendable, Equatable {
    /// The key, for the manifest.
    package let reference: KeyReference
    /// The purpose it was made for.
    package let purpose: KeyPurpose
    /// Whether it came from outside: so it stays for life, since nobody knows who else has it.
    package let isImported: Bool
    /// Attributes read back from the token, by name, as in `CKA_SENSITIVE`.
    package let attributes: [String: Bool]
    /// Negative probes by name, and what the token refused each with.
    package let refusals: [String: ReturnValue]

    /// A key as another process examined it.
    package init(
        reference: KeyReference, purpose: KeyPurpose, isImported: Bool, attributes: [String: Bool],
        refusals: [String: ReturnValue]
    ) {
        self.reference = reference
        self.purpose = purpose
        self.isImported = isImported
        self.attributes = attributes
        self.refusals = refusals
    }

    /// Attributes and probes as a manifest keeps them: probes stand as `refuses.NAME`.
    package var evidence: [String: Bool] {
        refusals.reduce(into: attributes) { $0["refuses.\($1.key)"] = true }
    }
}
