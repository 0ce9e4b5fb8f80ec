/// Whether CKA_ALLOWED_MECHANISMS binds a key to its mechanism.
struct ProbeOfRestriction {
    let login: TokenLogin

    func run(_ profile: inout TokenProfile) -> [Finding] {
        guard let (algorithm, mechanism, foreign) = subject(profile) else { return [] }
        do throws(HSMError) {
            guard let refusal = try refusal(algorithm, mechanism, foreign, profile) else {
                profile.quirks.insert(.ignoresAllowedMechanisms)
                return []
            }
            return [
                .good(
                    "profile", "mechanisms-bound",
                    "a key made for \(mechanism.type.name) refuses \(foreign.type.name): \(refusal)")
            ]
        } catch {
            // Only a refusal of the making itself says that the token does not take the attribute.
            guard error.function == CryptokiFunction.generateKeyPair.rawValue, error.failureClass == .operation else {
                return [.probeNotDone("profile", "other_mechanism", "\(error)")]
            }
            profile.quirks.insert(.refusesAllowedMechanisms)
            return []
        }
    }

    /// An algorithm whose keys could also be used with another mechanism of this token.
    private func subject(_ profile: TokenProfile) -> (KeyAlgorithm, Mechanism, Mechanism)? {
        for algorithm in [KeyAlgorithm.es256, .rs256] where profile.supports(algorithm) {
            guard let mechanism = try? profile.mechanism(for: algorithm, allowed: []) else { continue }
            let foreign = algorithm.foreignMechanisms.first {
                profile.mechanisms.contains($0.type) && $0.type != mechanism.type
            }
            if let foreign { return (algorithm, mechanism, foreign) }
        }
        return nil
    }

    /// What the key refuses the other mechanism with; nil when it does not.
    ///
    /// The session ends inside the operation.
    private func refusal(
        _ algorithm: KeyAlgorithm, _ mechanism: Mechanism, _ foreign: Mechanism, _ profile: TokenProfile
    ) throws(HSMError) -> ReturnValue? {
        let session = try login.openSession()
        let key = try SessionKey(algorithm, mechanism: mechanism, profile: profile, restricts: true, in: session)
        do throws(HSMError) {
            try session.signInit(foreign, key: key.privateObject)
            return nil
        } catch {
            guard error.failureClass == .operation, let value = error.returnValue else { throw error }
            return value
        }
    }
}
