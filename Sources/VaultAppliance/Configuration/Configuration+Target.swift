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
