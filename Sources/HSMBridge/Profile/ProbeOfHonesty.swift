/// Whether the token reports attributes as they are: a key that is made extractable must not be called safe.
struct ProbeOfHonesty {
    let login: TokenLogin

    /// What a token that tells the truth says of such a key.
    private static let truth: [(type: AttributeType, value: Bool)] = [
        (.extractable, true), (.neverExtractable, false), (.sensitive, false), (.alwaysSensitive, false),
    ]

    func run(_ profile: inout TokenProfile) -> [Finding] {
        guard let algorithm = [KeyAlgorithm.es256, .rs256].first(where: profile.supports) else { return [] }
        do throws(HSMError) {
            let lies = try lies(algorithm, profile)
            guard !lies.isEmpty else {
                return [.good("profile", "attributes-honest", "a key made extractable is reported as such")]
            }
            profile.quirks.insert(.historyHardWired)
            return [
                .note(
                    "profile", "attributes-hard-wired",
                    "a key made extractable reports \(lies.joined(separator: ", ")): the token's word proves nothing",
                    mend: "rely on the vendor's attestation of each key")
            ]
        } catch {
            // Only a refusal of the making itself says that the token makes none.
            guard error.function == CryptokiFunction.generateKeyPair.rawValue,
                error.failureClass == .operation || error.failureClass == .ambiguous
            else { return [] }
            return [.good("profile", "extractable-refused", "the token makes no extractable key (\(error))")]
        }
    }

    private func lies(_ algorithm: KeyAlgorithm, _ profile: TokenProfile) throws(HSMError) -> [String] {
        let session = try login.openSession()
        let key = try SessionKey(
            algorithm, mechanism: try profile.mechanism(for: algorithm, allowed: []), profile: profile,
            changing: [.extractable: true, .sensitive: false], in: session)
        var lies: [String] = []
        for (type, value) in ProbeOfHonesty.truth {
            guard let told = try session.flag(type, of: key.privateObject), told != value else { continue }
            lies.append("\(type.name) \(told)")
        }
        return lies
    }
}
