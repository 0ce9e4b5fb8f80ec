/// What key a ceremony wants.
package struct KeySpecification: Sendable, Hashable {
    /// The longest label.
    package static let longestLabel = 64

    /// CKA_LABEL; must be free on the token.
    package let label: String
    /// The one algorithm the key will be used with.
    package let algorithm: KeyAlgorithm
    /// The one purpose the key will have.
    package let purpose: KeyPurpose
    /// Size of an RSA modulus; nothing to the other algorithms.
    package let modulusBits: Int
    /// Whether C_DestroyObject may end it; if not, initialising the token anew alone does (CKA_DESTROYABLE).
    package let isDestroyable: Bool

    /// The shortest RSA modulus of a key encryption key: what was sealed stays on disks for years.
    package static let shortestKeyEncryptionKey = 3072

    /// A specification; RSA is 2048 bits unless told otherwise, and 3072 for key encryption keys.
    package init(
        label: String, algorithm: KeyAlgorithm, purpose: KeyPurpose, modulusBits: Int? = nil,
        isDestroyable: Bool = true
    ) {
        self.label = label
        self.algorithm = algorithm
        self.purpose = purpose
        self.modulusBits = modulusBits ?? (purpose == .kek ? KeySpecification.shortestKeyEncryptionKey : 2048)
        self.isDestroyable = isDestroyable
    }

    /// Refuses labels that could be read two ways, weak keys, and algorithms that do not serve the purpose.
    func validate() throws(HSMError) {
        let isVisible = label.utf8.allSatisfy { (0x21...0x7e).contains($0) }
        guard isVisible, (1...KeySpecification.longestLabel).contains(label.utf8.count) else {
            throw HSMError(.labelRefused, context: "a label has 1 to 64 visible ASCII characters")
        }
        guard (algorithm.oaepHash != nil) == (purpose == .kek) else {
            throw HSMError(.unsupportedMechanism, context: "\(purpose.rawValue) with \(algorithm.rawValue)")
        }
        if algorithm.isRSA {
            guard modulusBits >= (purpose == .kek ? KeySpecification.shortestKeyEncryptionKey : 2048) else {
                throw HSMError(.weakKey, context: "RSA of \(modulusBits) bits")
            }
            guard modulusBits <= 8192, modulusBits % 256 == 0 else {
                throw HSMError(.unsupportedMechanism, context: "RSA of \(modulusBits) bits")
            }
        }
        // RFC 8446 section 4.2.3: RSASSA-PKCS1-v1_5 is not defined for use in signed TLS handshake messages.
        guard purpose != .tls || algorithm != .rs256 else {
            throw HSMError(.unsupportedMechanism, context: "TLS 1.3 with RS256")
        }
    }
}
