import Policy

extension Configuration {
    /// What tokens are minted for.
    package struct Target: Sendable, Equatable {
        /// What is minted.
        package enum Kind: String, Sendable, CaseIterable {
            /// A JWT access token (RFC 9068) for a resource server that trusts our keys.
            case jwt

            /// The `typ` header of what is minted.
            package var type: String {
                switch self {
                case .jwt: "at+jwt"
                }
            }
        }

        /// Unique; what rules say.
        package let name: String
        /// What is minted.
        package let kind: Kind
        /// The `aud` claim, and a value of the request's `audience`; unique.
        package let audience: String
        /// Prefixes of the request's `resource` (RFC 8707 section 2), each ending a path segment; unique.
        package let resources: [String]
        /// Label of the signing key.
        package let key: String
        /// Scopes that rules may grant.
        package let scopes: [String]
    }

    /// The target that an `audience` names, by its name or its audience.
    package func target(audience: String) -> Target? {
        targets.first { $0.name == audience || $0.audience == audience }
    }

    /// The target with the longest prefix of a `resource`; nil also for a resource in an odd form.
    package func target(resource: String) -> Target? {
        guard LocationText.isAcceptable(resource) else { return nil }
        var best: (target: Target, length: Int)?
        for target in targets {
            for prefix in target.resources where resource.utf8.starts(with: prefix.utf8) {
                if best.map({ prefix.utf8.count > $0.length }) ?? true { best = (target, prefix.utf8.count) }
            }
        }
        return best?.target
    }

    /// What stands in our tokens for a subject of an issuer; nil when it would be read as a subject of another one.
    package func subject(_ subject: String, of issuer: Issuer) -> String? {
        guard issuer.subjectPrefix == nil else { return (issuer.subjectPrefix ?? "") + subject }
        let isTaken = issuers.contains { other in
            other.subjectPrefix.map { subject.utf8.starts(with: $0.utf8) } ?? false
        }
        return isTaken ? nil : subject
    }
}

extension Configuration.Target {
    init(_ section: YAMLSection) {
        name = section.required("name", .label)
        kind = section.required("kind", .choice(.jwt))
        audience = section.required("audience", .name)
        resources = section.optionalList("resources", .resource) ?? []
        key = section.required("key", .label)
        scopes = section.optionalList("scopes", .scope) ?? []
        section.finish()
    }
}
