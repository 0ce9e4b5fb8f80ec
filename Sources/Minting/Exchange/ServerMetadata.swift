package import StrictEncoding

/// What the appliance says of itself to clients and verifiers: only what it does.
package struct ServerMetadata: Sendable {
    /// Path of `authorizationServer` below the issuer's host (RFC 8414 section 3).
    package static let authorizationServerPath = "/.well-known/oauth-authorization-server"
    /// Path of `openIDConfiguration` (OpenID Connect Discovery 1.0 section 4).
    package static let openIDConfigurationPath = "/.well-known/openid-configuration"

    /// The issuer, as in `iss`.
    package let issuer: String
    /// The external address of the token endpoint.
    package let tokenEndpoint: String
    /// The external address of introspection (RFC 7662).
    package let introspectionEndpoint: String
    /// The external address of revocation (RFC 7009).
    package let revocationEndpoint: String
    /// The external address of the JWK Set.
    package let jwksURI: String

    /// Metadata of one appliance.
    package init(
        issuer: String, tokenEndpoint: String, introspectionEndpoint: String, revocationEndpoint: String,
        jwksURI: String
    ) {
        self.issuer = issuer
        self.tokenEndpoint = tokenEndpoint
        self.introspectionEndpoint = introspectionEndpoint
        self.revocationEndpoint = revocationEndpoint
        self.jwksURI = jwksURI
    }

    /// Authorization server metadata.
    ///
    /// Source: RFC 8414 section 2, RFC 8705 section 3.3, RFC 9396 section 10, RFC 9449 section 5.1.
    ///
    /// `response_types_supported` is required and empty: there is no authorization endpoint. Section 3.2 would leave an
    /// empty array out; clients check that it is there.
    package var authorizationServer: JSONObject {
        JSONObject(
            common(responseTypes: []) + [
                .init(
                    name: "authorization_grant_profiles_supported",
                    value: ["urn:ietf:params:oauth:grant-profile:id-jag"]),
                .init(name: "introspection_endpoint", value: .string(introspectionEndpoint)),
                .init(
                    name: "introspection_endpoint_auth_methods_supported",
                    value: Self.methods),
                .init(name: "introspection_endpoint_auth_signing_alg_values_supported", value: Self.assertions),
                .init(name: "revocation_endpoint", value: .string(revocationEndpoint)),
                .init(name: "revocation_endpoint_auth_methods_supported", value: Self.methods),
                .init(name: "revocation_endpoint_auth_signing_alg_values_supported", value: Self.assertions),
                .init(name: "tls_client_certificate_bound_access_tokens", value: true),
                .init(name: "authorization_details_types_supported", value: [.string(ToolInvocation.type)]),
            ])
    }

    /// What federations read to find the keys.
    ///
    /// Source: OpenID Connect Discovery 1.0 section 3.
    ///
    /// There is no authorization endpoint, as with other issuers of workload tokens: nobody logs in here.
    /// `algorithms` are those of the keys that sign federation tokens.
    package func openIDConfiguration(algorithms: [JWSAlgorithm]) -> JSONObject {
        let claims = TokenKind.allCases.reduce(into: Set<String>()) {
            $0.formUnion($1.claims.all)
        }.sorted()
        return JSONObject(
            common(responseTypes: ["id_token"]) + [
                .init(name: "subject_types_supported", value: ["public"]),
                .init(
                    name: "id_token_signing_alg_values_supported",
                    value: .array(algorithms.map { .string($0.rawValue) })),
                .init(name: "claims_supported", value: .array(claims.map { .string($0) })),
            ])
    }

    /// How clients prove themselves; in both documents, since what is left out there means `client_secret_basic`.
    private var clientProofs: [JSONObject.Member] {
        [
            .init(name: "token_endpoint_auth_methods_supported", value: Self.methods),
            .init(name: "token_endpoint_auth_signing_alg_values_supported", value: Self.assertions),
            .init(
                name: "dpop_signing_alg_values_supported",
                value: .array(DPoPProof.algorithms.map { .string($0.rawValue) })),
        ]
    }

    private func common(responseTypes: [JSONValue]) -> [JSONObject.Member] {
        [
            .init(name: "issuer", value: .string(issuer)),
            .init(name: "token_endpoint", value: .string(tokenEndpoint)),
            .init(name: "jwks_uri", value: .string(jwksURI)),
            .init(name: "response_types_supported", value: .array(responseTypes)),
            // What is left out means authorization_code and implicit, of which there is neither.
            .init(
                name: "grant_types_supported",
                value: .array(TokenRequest.GrantType.allCases.map { .string($0.rawValue) })),
        ] + clientProofs
    }

    /// The same at every endpoint.
    private static let methods: JSONValue = ["tls_client_auth", "private_key_jwt"]

    /// Where private_key_jwt stands, the algorithms must.
    private static var assertions: JSONValue { .array(JWSAlgorithm.allCases.map { .string($0.rawValue) }) }
}
