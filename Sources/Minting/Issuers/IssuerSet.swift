/// The configured issuers, found by their exact issuer string.
package struct IssuerSet: Sendable {
    /// The issuers in the order of the configuration.
    package let issuers: [Issuer]
    private let byIssuer: [String: Issuer]
    /// The prefixes that mark a subject as one issuer's own, with that issuer's string.
    private let prefixes: [(prefix: String, issuer: String)]

    /// A set in which no two issuers can be taken for one another.
    ///
    /// Refused: two with one name or one issuer string; two that name users without a `subject_prefix`; two prefixes of
    /// which one begins the other, because `corp:` + `eu:ann` is `corp:eu:` + `ann`, that of clients among them
    /// (docs/integrating.md, "Claims").
    package init(_ issuers: [Issuer]) throws(MintingError) {
        var byIssuer: [String: Issuer] = [:]
        var names: Set<String> = []
        for issuer in issuers {
            guard names.insert(issuer.name).inserted else {
                throw MintingError(.conflictingIssuers, "issuer \(issuer.name): there are two of this name")
            }
            guard byIssuer.updateValue(issuer, forKey: issuer.issuer) == nil else {
                throw MintingError(.conflictingIssuers, "issuer \(issuer.name): another has the same issuer string")
            }
        }
        let users = issuers.filter { $0.roles.contains(where: \.namesUsers) }
        let bare = users.filter { $0.subjectPrefix == nil }.map(\.name)
        guard bare.count <= 1 else {
            let names = bare.joined(separator: ", ")
            throw MintingError(
                .conflictingIssuers,
                "issuers \(names): could yield the same sub; give all but one of them a subject_prefix")
        }
        let prefixes =
            users.compactMap { issuer in issuer.subjectPrefix.map { (prefix: $0, issuer: issuer.issuer) } }
            + [(prefix: ClientSubject.prefix, issuer: "")]
        for (index, left) in prefixes.enumerated() {
            for right in prefixes.dropFirst(index + 1) {
                guard !left.prefix.hasPrefix(right.prefix), !right.prefix.hasPrefix(left.prefix) else {
                    throw MintingError(
                        .conflictingIssuers,
                        "subject_prefix \(left.prefix) and \(right.prefix): one begins the other")
                }
            }
        }
        self.issuers = issuers
        self.byIssuer = byIssuer
        self.prefixes = prefixes
    }

    /// The issuer with exactly this string.
    package func issuer(_ string: String) -> Issuer? {
        guard let issuer = byIssuer[string], issuer.issuer.utf8.elementsEqual(string.utf8) else { return nil }
        return issuer
    }

    /// How many issuers are trusted in a role.
    package func count(in role: Issuer.Role) -> Int { issuers.count { $0.roles.contains(role) } }

    /// The issuer of users that a subject of our own tokens came from, and the subject as that issuer wrote it.
    ///
    /// Nil for a client's, and for one of an issuer that is no longer configured.
    package func owner(ofMapped subject: String) -> (issuer: Issuer, subject: String)? {
        let users = issuers.filter { $0.roles.contains(where: \.namesUsers) }
        if let named = prefixes.first(where: { subject.hasPrefix($0.prefix) }) {
            guard let issuer = users.first(where: { $0.issuer == named.issuer }) else { return nil }
            return (issuer, String(subject.dropFirst(named.prefix.count)))
        }
        return users.first { $0.subjectPrefix == nil }.map { ($0, subject) }
    }

    /// Whether a subject of `issuer`, as mapped, begins with the prefix of another issuer and so could be its subject.
    ///
    /// The one issuer without a prefix could otherwise sign a `sub` of `corp:ann` and become the user of another.
    package func isForeign(mappedSubject: String, of issuer: Issuer) -> Bool {
        prefixes.contains { $0.issuer != issuer.issuer && mappedSubject.hasPrefix($0.prefix) }
    }
}
