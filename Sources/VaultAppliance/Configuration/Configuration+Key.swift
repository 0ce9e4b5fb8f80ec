import Minting

extension Configuration {
    /// A key that genesis generates in the token.
    package struct Key: Sendable, Equatable {
        /// What a key is for; exactly one purpose for life.
        package enum Purpose: String, Sendable, CaseIterable {
            /// Signs tokens.
            case signing
            /// Signs checkpoints of the log.
            case checkpoint
            /// Signs TLS handshakes of a listener.
            case tls
            /// Opens sealed secrets.
            case kek
        }

        /// What a key is used with, by its JOSE name (RFC 7518 sections 3.1 and 4.1).
        package enum Algorithm: String, Sendable, CaseIterable {
            case es256 = "ES256"
            case edDSA = "EdDSA"
            case rs256 = "RS256"
            case ps256 = "PS256"
            case rsaOAEP = "RSA-OAEP"
            case rsaOAEP256 = "RSA-OAEP-256"

            /// Whether keys of it open secrets, and sign nothing.
            var isForEncryption: Bool { self == .rsaOAEP || self == .rsaOAEP256 }
        }

        /// Unique among the keys.
        package let label: String
        /// What it is for.
        package let purpose: Purpose
        /// The algorithm, pinned for life.
        package let algorithm: Algorithm
        /// `typ` headers it may sign (RFC 7515 section 4.1.9); empty but for signing keys.
        package let types: [String]
        /// Longest `exp - iat` it may sign, in seconds; nil but for signing keys.
        package let maximumLifetime: Int64?
    }
}

extension Configuration.Key {
    init(_ section: YAMLSection) {
        label = section.required("label", .label)
        purpose = section.required("purpose", .choice(.tls))
        algorithm = section.required("alg", .choice(.es256))
        types = section.optionalList("types", .name) ?? []
        maximumLifetime = section.optional("max_lifetime", .duration(1...86_400))
        check(section)
        section.finish()
    }

    private func check(_ section: YAMLSection) {
        // A purpose or algorithm that could not be read says nothing about the other fields.
        let source = section.source
        guard !source.isFaulty(section.field("purpose")), !source.isFaulty(section.field("alg")) else { return }
        for name in ["types", "max_lifetime"] {
            if purpose == .signing, !section.has(name) {
                section.fault(name, "is missing", mend: "a signing key says what it may sign, and for how long")
            } else if purpose != .signing, section.has(name) {
                section.fault(name, "belongs to signing keys alone", mend: "remove it")
            }
        }
        for (index, type) in types.enumerated() where TokenKind(rawValue: type) == nil && !type.isEmpty {
            let known = TokenKind.allCases.map(\.rawValue).joined(separator: ", ")
            section.fault("types[\(index)]", "is no type of token that is signed here", mend: "choose from \(known)")
        }
        if purpose == .checkpoint, algorithm != .edDSA, algorithm != .es256 {
            section.fault(
                "alg", "must be EdDSA or ES256 for a checkpoint key",
                mend: "write EdDSA; a token that has none of it takes ES256, the other algorithm of signed notes")
        }
        if algorithm.isForEncryption != (purpose == .kek) {
            section.fault(
                "alg", purpose == .kek ? "must be RSA-OAEP-256 or RSA-OAEP for a kek key" : "is for kek keys alone",
                mend: purpose == .kek
                    ? "write RSA-OAEP-256; a token that knows SHA-1 alone, as SoftHSM does, takes RSA-OAEP"
                    : "choose an algorithm that signs, like ES256")
            return
        }
        if purpose == .tls, algorithm != .es256 {
            section.fault(
                "alg", "must be ES256 for a TLS key", mend: "the listeners sign with P-256 alone; write ES256")
        }
    }
}
