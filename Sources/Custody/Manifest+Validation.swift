import StrictEncoding

extension Manifest {
    /// Checks what no single member shows: unique names, keys on known tokens, profiles where they belong.
    func validate() throws(SchemaFault) {
        try Manifest.unique(tokens.map(\.serial), path: "tokens", member: "serial")
        try Manifest.unique(keys.map(\.kid), path: "keys", member: "kid")
        try Manifest.unique(keys.map { "\($0.token)/\($0.label)" }, path: "keys", member: "label")
        try Manifest.unique(keys.map { "\($0.token)/\($0.id)" }, path: "keys", member: "id")
        for (index, key) in keys.enumerated() { try validate(key, path: "keys[\(index)]") }
        for (index, token) in tokens.enumerated() { try validate(token, path: "tokens[\(index)]") }
        guard signatures.count <= Shamir.mostShares else {
            throw SchemaFault(path: "signatures", problem: "must be at most \(Shamir.mostShares)")
        }
        switch custody {
        case .quorum: try validateQuorum()
        case .development:
            guard activation == nil else {
                throw SchemaFault(path: "activation", problem: "belongs to quorum custody alone")
            }
        }
    }

    private func validate(_ key: ManifestKey, path: String) throws(SchemaFault) {
        // Destroyed keys outlive their token here: what they signed is verified for years.
        guard key.state == .destroyed || tokens.contains(where: { $0.serial == key.token }) else {
            throw SchemaFault(path: "\(path).token", problem: "is not the serial of a token of this manifest")
        }
        let needsGate = key.purpose == .signing || key.purpose == .assertion
        guard needsGate == (key.gate != nil) else {
            throw SchemaFault(
                path: "\(path).gate", problem: needsGate ? "is missing" : "belongs to signing and assertion keys alone")
        }
    }

    /// The key that secrets are sealed to is one of the token's keys, and it is active.
    ///
    /// A quarantined one stays named until another takes its place: nothing is sealed to it and nothing is opened with it
    /// meanwhile, and the manifests of other ceremonies go on.
    private func validate(_ token: ManifestToken, path: String) throws(SchemaFault) {
        guard let kek = token.keyEncryptionKey else { return }
        let mine = keys.filter { $0.purpose == .kek && $0.token == token.serial }
        let isActive = mine.contains { $0.state == .active && $0.jwk == kek }
        let isQuarantined =
            mine.contains { $0.state == .quarantined && $0.jwk == kek } && !mine.contains { $0.state == .active }
        guard isActive || isQuarantined else {
            throw SchemaFault(path: "\(path).kek", problem: "is no active kek key of this token")
        }
    }

    private static func unique(_ values: [String], path: String, member: String) throws(SchemaFault) {
        var seen: Set<String> = []
        for (index, value) in values.enumerated() where !seen.insert(value).inserted {
            throw SchemaFault(path: "\(path)[\(index)].\(member)", problem: "stands twice")
        }
    }
}
