import Minting
import StrictEncoding
import Testing

@Suite struct MintedTokenTests {
    private func claims(
        actor: VerifiedToken.Party? = nil, prior: [VerifiedToken.Party] = [], thumbprint: String? = nil
    ) -> AccessTokenClaims {
        AccessTokenClaims(
            issuer: "https://vault.acme.example", subject: "alice", audience: "https://demo-api.acme.example",
            clientID: "gateway-mcp", issuedAt: 1_764_000_000, expiry: 1_764_000_060, jti: "id", actor: actor,
            priorActors: prior, certificateThumbprint: thumbprint)
    }

    @Test func theClaimsOfRFC9068StandInEveryToken() {
        #expect(
            JSONWriter.compact(.object(claims().json))
                == Array(
                    (#"{"iss":"https://vault.acme.example","sub":"alice","aud":"https://demo-api.acme.example","#
                        + #""client_id":"gateway-mcp","iat":1764000000,"nbf":1764000000,"exp":1764000060,"jti":"id"}"#)
                        .utf8))
    }

    @Test func everyClaimHasItsPlace() throws {
        let details = try ToolInvocation(parsing: Array(#"[{"type":"tool_invocation","tool":"t"}]"#.utf8))
        let json = AccessTokenClaims(
            issuer: "i", subject: "s", audience: "a", clientID: "c", issuedAt: 1, expiry: 2, jti: "j", scope: "x y",
            authorizationDetails: details, actor: .init(issuer: "ai", subject: "as"),
            mayAct: .init(issuer: "mi", subject: "ms"), certificateThumbprint: "tp", txn: "t"
        ).json
        #expect(
            json.names == [
                "iss", "sub", "aud", "client_id", "iat", "nbf", "exp", "jti", "scope", "authorization_details", "act",
                "may_act", "cnf", "txn",
            ])
        #expect(json["scope"] == "x y" && json["cnf"] == ["x5t#S256": "tp"] && json["txn"] == "t")
        #expect(json["act"] == ["iss": "ai", "sub": "as"] && json["may_act"] == ["iss": "mi", "sub": "ms"])
        #expect(json["authorization_details"] == [["type": "tool_invocation", "tool": "t"]])
    }

    /// RFC 8693 section 4.1: the outermost is the current actor.
    @Test func aChainOfActorsNests() {
        let json = claims(
            actor: .init(issuer: "i1", subject: "a1"),
            prior: [.init(issuer: nil, subject: "a2"), .init(issuer: "i3", subject: "a3")]
        ).json
        let inner: JSONValue = ["sub": "a2", "act": ["iss": "i3", "sub": "a3"]]
        #expect(json["act"] == ["iss": "i1", "sub": "a1", "act": inner])
    }

    @Test(arguments: TestKey.allCases) func aMintedTokenVerifiesAndReadsBack(key: TestKey) throws {
        let token = UnsignedJWS(type: "at+jwt", algorithm: key.algorithm, kid: key.rawValue, claims: claims().json)
        let input = try SigningInput(parsing: token.signingInput)
        let header: JSONValue = [
            "alg": .string(key.algorithm.rawValue), "kid": .string(key.rawValue), "typ": "at+jwt",
        ]
        #expect(.object(input.header) == header)
        #expect(input.claims == claims().json)
        let signature = try key.sign(token.signingInput)
        let compact = token.compact(signature: signature)
        #expect(compact.utf8.starts(with: token.signingInput))
        #expect(bytes(String(compact.split(separator: ".")[2])) == signature)
        let issuer = try Issuer(
            name: "us", issuer: "https://vault.acme.example", roles: [.subject],
            audiences: ["https://demo-api.acme.example"], algorithms: [key.algorithm],
            keys: try JSONWebKeySet([key.jwk()]))
        let verified = try InboundTokenVerifier(issuers: IssuerSet([issuer]))
            .verify(Array(compact.utf8), role: .subject, now: Corp.now)
        #expect(verified.subject == "alice" && verified.clientID == "gateway-mcp")
    }

    @Test(
        "a signing input is read as strictly as a token",
        arguments: [
            "", ".", "e30", "e30.", ".e30", "e30.e30.", "e30.e30.e30", "e30 .e30", "e30=.e30", "W10.e30", "e30.W10",
            "eyJhIjoxLCJhIjoxfQ.e30", "e30.eyJhIjoxLCJhIjoxfQ", "e30.MQ", "e31.e30",
        ])
    func signingInputs(text: String) {
        let error = #expect(throws: TokenRejection.self) { try SigningInput(parsing: Array(text.utf8)) }
        #expect(error?.code == .malformed)
    }

    @Test func aSigningInputHasABound() throws {
        #expect(try SigningInput(parsing: Array("e30.e30".utf8)).claims == JSONObject())
        let error = #expect(throws: TokenRejection.self) {
            try SigningInput(parsing: [UInt8](repeating: 0x41, count: SigningInput.maximumLength + 1))
        }
        #expect(error?.code == .tooLong)
    }

    struct Cap: Sendable {
        var granted: Int64 = 60
        var key: Int64 = 300
        var kind = TokenKind.accessToken
        var left: [Int64] = []
        let expected: Int64?
    }

    @Test(
        "a lifetime is the least of all that bounds it",
        arguments: [
            Cap(expected: 60), Cap(granted: 600, expected: 300),
            Cap(granted: 600, key: 600, expected: 600),
            Cap(granted: 600, key: 600, kind: .identityAssertion, expected: 300),
            Cap(kind: .identityAssertion, expected: 60), Cap(left: [3600, 45], expected: 45),
            Cap(left: [1], expected: 1),
            Cap(left: [0], expected: nil), Cap(left: [3600, -10], expected: nil), Cap(granted: 0, expected: nil),
            Cap(key: 0, expected: nil), Cap(left: [9_007_199_254_740_991], expected: 60),
            Cap(left: [.min / 2], expected: nil),
            Cap(left: [.min], expected: nil),
        ])
    func lifetimes(cap: Cap) {
        let now = UnixTime(milliseconds: 1_764_000_000_999)
        let found = Lifetime.cap(
            granted: cap.granted, key: cap.key, kind: cap.kind, now: now,
            expiries: cap.left.map { $0 &+ now.seconds })
        #expect(found == cap.expected)
    }

    @Test func theResponseSaysWhatWasGranted() throws {
        let details = try ToolInvocation(parsing: Array(#"[{"type":"tool_invocation","tool":"t"}]"#.utf8))
        let full = TokenExchangeResponse(
            accessToken: "a.b.c", lifetime: 60, scope: "x", authorizationDetails: details)
        #expect(
            String(decoding: JSONWriter.compact(full.json), as: UTF8.self)
                == #"{"access_token":"a.b.c","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","#
                + #""token_type":"Bearer","expires_in":60,"scope":"x","#
                + #""authorization_details":[{"type":"tool_invocation","tool":"t"}]}"#)
        let small = TokenExchangeResponse(
            accessToken: "a.b.c", issuedTokenType: .jwt, lifetime: 60, scope: nil, authorizationDetails: nil)
        #expect(small.json.object?.names == ["access_token", "issued_token_type", "token_type", "expires_in"])
        #expect(small.json.object?["issued_token_type"] == "urn:ietf:params:oauth:token-type:jwt")
    }

    @Test func anErrorIsTheBodyOfRFC6749() {
        let error = OAuthError(.invalidTarget, "audience names \"no\" target\u{e9}\n")
        #expect(error.description == "audience names ?no? target???")
        #expect(
            JSONWriter.compact(error.json)
                == Array(#"{"error":"invalid_target","error_description":"audience names ?no? target???"}"#.utf8))
    }

    private struct Counter: RandomNumberGenerator {
        var value: UInt64 = 0
        mutating func next() -> UInt64 {
            value += 0x0102_0304_0506_0708
            return value
        }
    }

    @Test func anIdentifierIsMadeOfTheBytesItIsGiven() {
        var generator = Counter()
        let first = JWTID.random(using: &generator)
        #expect(Base64URL.decode(first)?.prefix(8) == [8, 7, 6, 5, 4, 3, 2, 1] && first.utf8.count == 22)
        #expect(JWTID.random(using: &generator) != first)
        var system = SystemRandomNumberGenerator()
        #expect(Set((0..<1000).map { _ in JWTID.random(using: &system) }).count == 1000)
    }

    private var metadata: ServerMetadata {
        ServerMetadata(
            issuer: "https://vault.acme.example", tokenEndpoint: "https://vault.acme.example:8443/oauth2/token",
            introspectionEndpoint: "https://vault.acme.example:8443/oauth2/introspect",
            revocationEndpoint: "https://vault.acme.example:8443/oauth2/revoke",
            jwksURI: "https://vault.acme.example:8444/.well-known/jwks.json")
    }

    @Test func metadataSaysWhatIsSupportedAndNothingElse() {
        let document = metadata.authorizationServer
        #expect(
            document.names == [
                "issuer", "token_endpoint", "jwks_uri", "response_types_supported", "grant_types_supported",
                "token_endpoint_auth_methods_supported", "token_endpoint_auth_signing_alg_values_supported",
                "dpop_signing_alg_values_supported",
                "authorization_grant_profiles_supported", "introspection_endpoint",
                "introspection_endpoint_auth_methods_supported",
                "introspection_endpoint_auth_signing_alg_values_supported", "revocation_endpoint",
                "revocation_endpoint_auth_methods_supported",
                "revocation_endpoint_auth_signing_alg_values_supported", "tls_client_certificate_bound_access_tokens",
                "authorization_details_types_supported",
            ])
        #expect(
            document["grant_types_supported"] == [
                "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "client_credentials",
            ])
        #expect(document["token_endpoint_auth_methods_supported"] == ["tls_client_auth", "private_key_jwt"])
        // RFC 8414 section 2: where private_key_jwt stands, these must.
        for endpoint in ["token", "introspection", "revocation"] {
            #expect(
                document["\(endpoint)_endpoint_auth_signing_alg_values_supported"]
                    == ["ES256", "RS256", "PS256", "EdDSA"])
        }
        #expect(document["dpop_signing_alg_values_supported"] == ["ES256", "EdDSA", "PS256"])
        #expect(document["tls_client_certificate_bound_access_tokens"] == true)
    }

    @Test func theOpenIDDocumentHasWhatFederationsRead() {
        let document = metadata.openIDConfiguration(algorithms: [.es256, .rs256])
        #expect(document["grant_types_supported"] == metadata.authorizationServer["grant_types_supported"])
        #expect(document["token_endpoint_auth_methods_supported"] == ["tls_client_auth", "private_key_jwt"])
        #expect(document["issuer"] == "https://vault.acme.example")
        #expect(document["id_token_signing_alg_values_supported"] == ["ES256", "RS256"])
        #expect(
            document["subject_types_supported"] == ["public"] && document["response_types_supported"] == ["id_token"])
        #expect(document["jwks_uri"]?.string?.hasSuffix("/.well-known/jwks.json") == true)
    }
}
