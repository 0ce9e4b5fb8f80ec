/// What a key is for; one key serves one purpose for life (docs/hsm.md, "Keys").
package enum KeyPurpose: String, Sendable, Hashable, CaseIterable {
    /// JWS of tokens and assertions we issue.
    case signing
    /// Checkpoints of the audit log.
    case checkpoint
    /// CertificateVerify of a TLS listener.
    case tls

    /// Which share of the lanes its signatures use.
    var workClass: WorkClass { self == .tls ? .tls : .minting }

    /// How its ECDSA signatures are written.
    var signatureForm: SignatureForm { self == .signing ? .jose : .der }
}
