import StrictEncoding

/// A token's key encryption key, as a recipient of data keys.
package struct SecretRecipient: Sendable, Equatable {
    /// Serial number of the token.
    package let token: String
    /// RFC 7638 thumbprint of the key.
    package let kid: String
    /// `RSA-OAEP` or `RSA-OAEP-256`.
    package let algorithm: String
    private let jwk: JSONObject

    /// The recipient that a key of a manifest is.
    package init(_ key: ManifestKey) {
        (token, kid, algorithm, jwk) = (key.token, key.kid, key.algorithm, key.jwk)
    }

    func wrap(_ dataKey: LockedBytes) throws(CustodyError) -> WrappedDataKey {
        let recipient = try KeyEncryptionRecipient(jwk: jwk, algorithm: algorithm)
        return WrappedDataKey(token: token, kid: kid, wrapped: try recipient.encrypt(dataKey))
    }
}

/// A data key, wrapped to the key encryption key of one token.
package struct WrappedDataKey: Sendable, Equatable {
    /// Serial number of the token.
    package let token: String
    /// RFC 7638 thumbprint of the key.
    package let kid: String
    /// One RSA-OAEP block.
    package let wrapped: [UInt8]

    var json: JSONValue {
        ["token": .string(token), "kid": .string(kid), "wrapped": .string(Base64URL.string(wrapped))]
    }

    init(token: String, kid: String, wrapped: [UInt8]) {
        (self.token, self.kid, self.wrapped) = (token, kid, wrapped)
    }

    init(json: JSONValue, path: String) throws(SchemaFault) {
        var reader = try ObjectReader(json, path: path)
        token = try reader.string("token")
        kid = try reader.string("kid")
        guard let wrapped = Base64URL.decode(try reader.string("wrapped")), (384...1024).contains(wrapped.count) else {
            throw reader.fault("wrapped", "must be an RSA-OAEP block in base64url")
        }
        self.wrapped = wrapped
        try reader.finish()
    }
}

extension Manifest {
    /// Whom a secret is sealed to: the active key encryption key of every token, but for those whose key is quarantined.
    package var secretRecipients: [SecretRecipient] {
        get throws(CustodyError) {
            var recipients: [SecretRecipient] = []
            for token in tokens {
                guard
                    let key = keys.first(where: {
                        $0.purpose == .kek && $0.state == .active && $0.token == token.serial
                    })
                else {
                    guard !keys.contains(where: { $0.isOutOfUse && $0.token == token.serial }) else { continue }
                    throw CustodyError(
                        .unsupported,
                        "the token \(token.label) (\(token.serial)) has no key encryption key: make one by a ceremony")
                }
                recipients.append(SecretRecipient(key))
            }
            guard !recipients.isEmpty || tokens.isEmpty else {
                throw CustodyError(
                    .unsupported,
                    "every key encryption key is quarantined, and nothing can be sealed: custodians give one back "
                        + "(change-key-state) or make another one (generate)")
            }
            return recipients
        }
    }
}

extension ManifestKey {
    /// Whether it is a key encryption key that nothing is sealed to until custodians decide.
    fileprivate var isOutOfUse: Bool { purpose == .kek && state == .quarantined }
}
