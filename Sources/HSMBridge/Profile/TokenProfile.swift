/// What a token can do and where it is peculiar (docs/hsm.md, "Profiles").
///
/// Opening a token asks it what it offers and adds what is known of its maker; `HSM.probe` tries it and adds what it finds.
package struct TokenProfile: Sendable, Equatable {
    /// What the token says of itself.
    package let info: TokenInfo
    /// What its library says of itself.
    package let library: LibraryInfo
    /// Who made it, as far as we know.
    package let vendor: TokenVendor
    /// Where it departs from what we expect.
    package internal(set) var quirks: Set<TokenQuirk>
    let mechanisms: Set<MechanismType>

    init(info: TokenInfo, library: LibraryInfo, mechanisms: Set<MechanismType>) {
        self.info = info
        self.library = library
        self.mechanisms = mechanisms
        vendor = TokenVendor(library: library, token: info)
        quirks = vendor.quirks
    }

    /// Whether keys must be made while no lane is at work.
    package var serialisesKeyManagement: Bool { quirks.contains(.serialisesKeyManagement) }

    /// The hash for RSA-OAEP; nil when the token has no OAEP at all.
    package var oaepHash: OAEPHash? {
        guard mechanisms.contains(.rsaOAEP) else { return nil }
        return quirks.contains(.oaepSHA1Only) ? .sha1 : .sha256
    }

    /// How an imported key is unwrapped; nil when the token cannot, and keys come in by C_CreateObject alone.
    ///
    /// CKM_AES_KEY_WRAP_PAD is RFC 5649 with some tokens and pads otherwise with others: those refuse what we wrapped, or
    /// make a key that fails its proof.
    var keyWrapMechanism: Mechanism? {
        guard mechanisms.contains(.rsaOAEP) else { return nil }
        return [MechanismType.aesKeyWrapKWP, .aesKeyWrapPad].first(where: mechanisms.contains).map { .plain($0) }
    }

    /// Whether keys of the algorithm can be brought in wrapped; SoftHSM and others take no Edwards key that way.
    package func unwraps(_ algorithm: KeyAlgorithm) -> Bool {
        keyWrapMechanism != nil && algorithm != .edDSA && algorithm.oaepHash == nil
    }

    /// How many bytes of CKA_ID it keeps.
    var keyIDLength: Int { quirks.contains(.shortKeyID) ? 2 : 16 }

    /// What key encryption keys of this token are used with; nil when it has no OAEP at all.
    package var keyEncryptionAlgorithm: KeyAlgorithm? {
        oaepHash.map { $0 == .sha1 ? .rsaOAEP : .rsaOAEP256 }
    }

    /// Whether keys of the algorithm can be made and used with this token.
    package func supports(_ algorithm: KeyAlgorithm) -> Bool {
        // SHA-1 is for tokens that know no other hash.
        if algorithm.oaepHash != nil, algorithm != keyEncryptionAlgorithm { return false }
        return mechanisms.contains(algorithm.generationMechanism)
            && algorithm.mechanisms.contains { mechanisms.contains($0.type) }
    }

    /// How the token is asked to use a key: the first way that it offers and the key allows.
    func mechanism(for algorithm: KeyAlgorithm, allowed: Set<MechanismType>) throws(HSMError) -> Mechanism {
        var ways = algorithm.mechanisms
        if quirks.contains(.hashesRSAItself) { ways.removeAll { $0.type == .rsaPKCS } }
        let candidate = ways.first {
            mechanisms.contains($0.type) && (allowed.isEmpty || allowed.contains($0.type))
        }
        guard let candidate else { throw HSMError(.unsupportedMechanism, context: algorithm.rawValue) }
        return candidate
    }

    /// How many lanes of those wanted the token has sessions for: two stay for the login and for making keys.
    func lanes(wanted: Int) -> Int {
        max(1, min(wanted, (info.maximumSessions ?? .max) - 2))
    }
}
