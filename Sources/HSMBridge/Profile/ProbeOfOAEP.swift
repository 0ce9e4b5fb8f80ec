/// Which hash RSA-OAEP takes: some tokens know SHA-1 alone.
struct ProbeOfOAEP {
    let login: TokenLogin

    func run(_ profile: inout TokenProfile) -> [Finding] {
        guard profile.oaepHash != nil, profile.supports(.rs256) else { return [] }
        let (strong, weak) = (refusal(.sha256, profile), refusal(.sha1, profile))
        switch (strong, weak) {
        case (.some, .none): profile.quirks.insert(.oaepSHA1Only)
        case (.none, _): profile.quirks.remove(.oaepSHA1Only)
        case (.some(let error), .some):
            return [
                .note(
                    "profile", "oaep-fails", "CKM_RSA_PKCS_OAEP is listed and does not work: \(error)",
                    mend: "seal secrets with another token")
            ]
        }
        let hash = profile.oaepHash?.rawValue ?? "none"
        return [.good("profile", "oaep-hash", "RSA-OAEP with \(hash)")]
    }

    /// Why what the host encrypts with this hash does not come back; nil when it does.
    private func refusal(_ hash: OAEPHash, _ profile: TokenProfile) -> HSMError? {
        do throws(HSMError) {
            let session = try login.openSession()
            let key = try SessionKey(
                .rs256, mechanism: try profile.mechanism(for: .rs256, allowed: []), profile: profile,
                changing: [.sign: false, .decrypt: true], in: session)
            let publicKey = try session.publicKey(of: key.publicObject, algorithm: .rs256)
            try session.proveRoundTrip(
                OAEPEncryption(publicKey, hash: hash),
                BoundKey.Handle(object: key.privateObject, mechanism: .oaep(hash), generation: 0),
                label: SessionKey.label)
            return nil
        } catch {
            return error
        }
    }
}
