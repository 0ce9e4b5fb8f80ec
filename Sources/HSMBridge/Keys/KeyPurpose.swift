/// What a key is for; one key serves one purpose for life (docs/hsm.md, "Keys").
package enum KeyPurpose: String, Sendable, Hashable, CaseIterable {
    /// JWS of tokens and assertions we issue.
    case signing
    /// JWS that a provider takes as our own word: one key for one provider.
    case assertion
    /// Checkpoints of the audit log.
    case checkpoint
    /// CertificateVerify of a TLS listener.
    case tls
    /// Opens data keys of sealed secrets, and does nothing else.
    case kek

    /// The one use its private keys have.
    var use: KeyUse { self == .kek ? .decrypt : .sign }

    /// Which share of the lanes its work uses.
    var workClass: WorkClass {
        switch self {
        case .signing, .assertion: .minting
        case .tls: .tls
        case .checkpoint, .kek: .upkeep
        }
    }

    /// How its ECDSA signatures are written.
    var signatureForm: SignatureForm { self == .tls || self == .checkpoint ? .der : .jose }
}
