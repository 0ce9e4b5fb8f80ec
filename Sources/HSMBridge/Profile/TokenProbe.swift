internal import CPKCS11

/// Tries what a token says it can, with keys that end with their session, and adds what it finds to the profile.
///
/// The session is read-only, in which PKCS#11 lets no token object be made or changed (v2.40 section 2.1.2).
struct TokenProbe {
    let login: TokenLogin
    let makesKeys: Bool
    private(set) var profile: TokenProfile
    private(set) var algorithms: [AlgorithmReport] = []
    private(set) var findings: [Finding] = []

    init(login: TokenLogin, makesKeys: Bool) {
        self.login = login
        self.makesKeys = makesKeys
        profile = login.profile
    }

    mutating func run() {
        let isTried = makesKeys && !profile.quirks.contains(.noSessionKeys)
        for algorithm in KeyAlgorithm.signatures { algorithms.append(isTried ? tried(algorithm) : listed(algorithm)) }
        let working = algorithms.filter { $0.outcome == .works }
        if isTried, working.isEmpty, algorithms.contains(where: { $0.outcome != .notOffered }) {
            // Not one of them: it is session keys that the token does not have, which says nothing of its algorithms.
            profile.quirks.insert(.noSessionKeys)
            algorithms = KeyAlgorithm.signatures.map(listed)
        }
        compareWithInfo()
        for report in algorithms {
            guard case .fails(let error) = report.outcome else { continue }
            findings.append(
                .note(
                    "profile", "algorithm-fails",
                    "\(report.algorithm.rawValue) is offered and does not work: \(error)", mend: "use another algorithm"
                ))
        }
        guard isTried, !working.isEmpty else { return }
        findings += ProbeOfRestriction(login: login).run(&profile)
        findings += ProbeOfOAEP(login: login).run(&profile)
        findings += ProbeOfHonesty(login: login).run(&profile)
    }

    /// What the token's list says of an algorithm.
    private func listed(_ algorithm: KeyAlgorithm) -> AlgorithmReport {
        let mechanism = try? profile.mechanism(for: algorithm, allowed: [])
        return AlgorithmReport(
            algorithm: algorithm, outcome: profile.supports(algorithm) ? .untried : .notOffered,
            mechanism: mechanism?.type.name)
    }

    /// Makes a key that ends with its session, and signs with it.
    private mutating func tried(_ algorithm: KeyAlgorithm) -> AlgorithmReport {
        guard profile.supports(algorithm) else { return listed(algorithm) }
        do throws(HSMError) {
            return try sign(algorithm)
        } catch {
            // Several tokens list CKM_RSA_PKCS and sign with mechanisms that hash alone.
            if algorithm == .rs256, !profile.quirks.contains(.hashesRSAItself) {
                profile.quirks.insert(.hashesRSAItself)
                if profile.supports(algorithm), let report = try? sign(algorithm) { return report }
                profile.quirks.remove(.hashesRSAItself)
            }
            var report = listed(algorithm)
            report = AlgorithmReport(algorithm: algorithm, outcome: .fails(error), mechanism: report.mechanism)
            return report
        }
    }

    private mutating func sign(_ algorithm: KeyAlgorithm) throws(HSMError) -> AlgorithmReport {
        let session = try login.openSession()
        let mechanism = try profile.mechanism(for: algorithm, allowed: [])
        let start = ContinuousClock.now
        let key = try SessionKey(algorithm, mechanism: mechanism, profile: profile, in: session)
        let generation = ContinuousClock.now - start
        if algorithm == .edDSA, try session.attribute(.ecPoint, of: key.publicObject)?.count == 32 {
            profile.quirks.insert(.bareEdwardsPoint)
        }
        let publicKey = try session.publicKey(of: key.publicObject, algorithm: algorithm)
        let signature = try session.canary(
            key.privateObject, mechanism, SignatureVerifier(publicKey, algorithm: algorithm), algorithm)
        return AlgorithmReport(
            algorithm: algorithm, outcome: .works, mechanism: mechanism.type.name, generation: generation,
            signature: signature)
    }

    /// Holds C_GetMechanismInfo against what the token has just done.
    private mutating func compareWithInfo() {
        for report in algorithms where report.outcome != .notOffered && report.outcome != .untried {
            guard let mechanism = try? profile.mechanism(for: report.algorithm, allowed: []) else { continue }
            guard let lie = lie(of: report, mechanism.type) else { continue }
            profile.quirks.insert(.mechanismInfoLies)
            findings.append(.note("profile", "mechanism-info-lies", lie))
        }
    }

    private func lie(of report: AlgorithmReport, _ mechanism: MechanismType) -> String? {
        guard let info = try? login.mechanismInfo(mechanism) else {
            return "\(mechanism.name) is listed, and C_GetMechanismInfo does not know it"
        }
        switch report.outcome {
        case .works where !info.signs: return "\(mechanism.name) signs, and C_GetMechanismInfo says it does not"
        case .works where !info.allows(report.algorithm.probedKeySizes):
            return "\(mechanism.name) signs with a key that C_GetMechanismInfo says is too small or too large "
                + "(\(info.minimumKeySize) to \(info.maximumKeySize))"
        case .fails where info.signs: return "\(mechanism.name) does not sign, and C_GetMechanismInfo says it does"
        default: return nil
        }
    }
}

extension MechanismInfo {
    /// Whether one of the sizes is within the range; a range of zeros is no claim.
    fileprivate func allows(_ sizes: [Int]) -> Bool {
        maximumKeySize == 0 || sizes.contains { (minimumKeySize...max(minimumKeySize, maximumKeySize)).contains($0) }
    }
}

extension KeyAlgorithm {
    /// The size of the keys that are tried, in bits and in bytes: tokens differ in what they count.
    fileprivate var probedKeySizes: [Int] {
        switch self {
        case .es256: [256, 32]
        case .es384: [384, 48]
        case .edDSA: [255, 256, 32]
        case .rs256, .ps256: [2048, 256]
        case .rsaOAEP, .rsaOAEP256: [3072, 384]
        }
    }
}
