package import Minting

extension Configuration {
    /// What tokens are minted for.
    package struct Target: Sendable, Equatable {
        /// What is minted.
        package enum Kind: String, Sendable, CaseIterable {
            /// A JWT access token (RFC 9068) for a resource server that trusts our keys.
            case jwt
            /// A transaction token for the workloads of a trust domain (draft-ietf-oauth-transaction-tokens).
            case transactionToken = "txn_token"
            /// An identity assertion for another authorization server
            /// (draft-ietf-oauth-identity-assertion-authz-grant).
            case identityAssertion = "id_jag"
            /// A token for a cloud's workload identity federation (OpenID Connect Discovery 1.0).
            case federation = "oidc"

            /// The `typ` header of what is minted.
            package var type: TokenKind {
                switch self {
                case .jwt: .accessToken
                case .transactionToken: .transaction
                case .identityAssertion: .identityAssertion
                case .federation: .federation
                }
            }
        }

        /// A session tag as the file writes it.
        package struct Tag: Sendable, Hashable {
            /// Its name.
            package let key: String
            /// The template of its value.
            package let value: String
            /// Whether it stays when the session assumes another role.
            package let isTransitive: Bool
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
        /// The client that redeems an identity assertion, as its authorization server knows it; nil for other kinds.
        package let clientID: String?
        /// The template of a federation's `sub`; nil for other kinds.
        package let subject: String?
        /// Session tags of a federation's tokens (AWS).
        package let sessionTags: [Tag]
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
        clientID = section.optional("client_id", .name(256))
        subject = section.optional("subject", .claimTemplate)
        sessionTags = section.sections("session_tags", isRequired: false, Tag.init)
        check(section)
        section.finish()
    }

    private func check(_ section: YAMLSection) {
        guard !section.source.isFaulty(section.field("kind")) else { return }
        let owners: [(field: String, kind: Kind)] = [
            ("client_id", .identityAssertion), ("subject", .federation), ("session_tags", .federation),
        ]
        for (field, owner) in owners where section.has(field) && kind != owner {
            section.fault(field, "belongs to targets of kind \(owner.rawValue) alone", mend: "remove it")
        }
        if kind == .identityAssertion, !section.has("client_id") {
            section.fault("client_id", "is missing", mend: "name the client that redeems the assertion there")
        }
        if kind == .federation, !section.has("subject") {
            section.fault("subject", "is missing", mend: "write what the federation matches, as '{user}'")
        }
        if kind == .federation, !scopes.isEmpty {
            section.fault("scopes", "means nothing to a federation", mend: "remove it; what it grants is set up there")
        }
        if kind == .transactionToken, scopes.isEmpty {
            section.fault("scopes", "is missing", mend: "a transaction token always says its scope: name some")
        }
        if sessionTags.count > SessionTag.maximumCount {
            section.fault("session_tags", "has more than \(SessionTag.maximumCount) entries", mend: "name fewer")
        }
        var keys: Set<String> = []
        for (index, tag) in sessionTags.enumerated() where !tag.key.isEmpty && !keys.insert(tag.key).inserted {
            section.fault("session_tags[\(index)].key", "stands twice", mend: "give each tag its own")
        }
    }
}

extension Configuration.Target.Tag {
    init(_ section: YAMLSection) {
        key = section.required(
            "key",
            .text(
                "a session tag's name", mend: "use 1 to 128 letters, digits and _.:/=+-@",
                pattern: "^[0-9A-Za-z_.:/=+@-]{1,128}$", SessionTag.isKey))
        value = section.required("value", .claimTemplate)
        isTransitive = section.optional("transitive", default: false, .boolean)
        section.finish()
    }
}

extension YAMLFormat where Value == String {
    /// A text with places for values of the request.
    static var claimTemplate: YAMLFormat {
        let places = ClaimTemplate.Place.allCases.map { "{\($0.rawValue)}" }.joined(separator: ", ")
        return text(
            "visible ASCII with places that do not touch", mend: "the places are \(places); put text between two",
            pattern: "^[!-~]{1,255}$"
        ) { (try? ClaimTemplate($0)) != nil }
    }
}
