extension TokenExamination.ExpectedKey {
    /// What a manifest says of a key, in its own words.
    package struct Entry: Sendable, Equatable {
        /// RFC 7638 thumbprint of the public key.
        package let kid: String
        /// Where the key is in its life.
        package let state: String
        /// Whether it came from outside.
        package let isImported: Bool
        /// Whether the token has to hold it, and it has to work.
        package let mustWork: Bool
        /// Whether the token may not hold it any more.
        package let isDestroyed: Bool

        /// What a manifest says of a key.
        package init(kid: String, state: String, isImported: Bool, mustWork: Bool, isDestroyed: Bool) {
            self.kid = kid
            self.state = state
            self.isImported = isImported
            self.mustWork = mustWork
            self.isDestroyed = isDestroyed
        }
    }
}

extension TokenExamination.ExpectedKey.Entry {
    /// Where the manifest says that the key came from.
    var provenance: KeyReport.Provenance { isImported ? .imported : .generated }
}

extension KeyReport {
    /// A key as the manifest alone shows it.
    init(_ key: TokenExamination.ExpectedKey) {
        self.init(
            label: key.reference.label, id: key.reference.id, algorithm: key.reference.algorithm, purpose: key.purpose,
            kid: key.entry?.kid, state: key.entry?.state, provenance: key.entry?.provenance ?? .unknown,
            attributes: [:], allowedMechanisms: [])
    }
}
