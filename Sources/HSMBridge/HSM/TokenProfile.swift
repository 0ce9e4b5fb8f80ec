/// What a token can do and where it is peculiar, probed when it is opened (docs/hsm.md, "TokenProfile").
package struct TokenProfile: Sendable, Equatable {
    /// What the token says of itself.
    package let info: TokenInfo
    /// Whether keys must be made while no lane is at work.
    ///
    /// SoftHSM before 2.7.0 fails at random when keys are made beside other work (SoftHSMv2 issue 573), and tpm2-pkcs11
    /// loses races in its own store (tpm2-pkcs11 issues 701 and 842).
    package let serialisesKeyManagement: Bool
    let mechanisms: Set<MechanismType>

    /// Makers of libraries, as C_GetInfo tells them, that need key making to be exclusive.
    private static let serialisingLibraries: Set<String> = ["SoftHSM", "tpm2-software.github.io"]

    init(info: TokenInfo, libraryManufacturer: String, mechanisms: Set<MechanismType>) {
        self.info = info
        self.mechanisms = mechanisms
        serialisesKeyManagement = TokenProfile.serialisingLibraries.contains(libraryManufacturer)
    }

    /// Whether keys of the algorithm can be made and used with this token.
    package func supports(_ algorithm: KeyAlgorithm) -> Bool {
        mechanisms.contains(algorithm.generationMechanism)
            && algorithm.signingMechanisms.contains { mechanisms.contains($0.type) }
    }

    /// How the token is asked for a signature: the first way that it offers and the key allows.
    func signingMechanism(for algorithm: KeyAlgorithm, allowed: Set<MechanismType>) throws(HSMError) -> Mechanism {
        let candidate = algorithm.signingMechanisms.first {
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
