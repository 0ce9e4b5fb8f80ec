import AuditLog
import Minting
import StrictEncoding
import Testing

@testable import VaultAppliance

/// Each kind of target: exactly which claims its tokens have, and what the answer calls them.
@Suite(.serialized) struct KindTests {
    private static let details: JSONValue = [
        ["type": "tool_invocation", "tool": "crm.read_account", "actions": ["read"]]
    ]
    private static let act: JSONValue = ["iss": .string(KindsFixture.agents), "sub": "sales-assistant"]
    private static let txnToken = "urn:ietf:params:oauth:token-type:txn_token"
    private static let idJAG = "urn:ietf:params:oauth:token-type:id-jag"

    /// Checks what every token has and gives the rest.
    private func rest(_ claims: JSONObject, audience: String) throws -> JSONObject {
        var rest = claims
        #expect(claims["iss"] == .string(ExchangeFixture.vault) && claims["aud"] == .string(audience))
        #expect(claims["jti"]?.string?.isEmpty == false && claims["iat"]?.integer != nil)
        for name in ["iss", "aud", "jti", "iat", "exp", "nbf", "txn"] { rest[name] = nil }
        return rest
    }

    private func lifetime(_ claims: JSONObject) throws -> Int64 {
        try #require(claims["exp"]?.integer) - (try #require(claims["iat"]?.integer))
    }

    @Test func aTransactionTokenSaysWhatWasGrantedAndIsNoCredential() async throws {
        let builder = try await KindsFixture.request(for: "trust", keepsDetails: true)
        let answer = try await KindsFixture.ask(builder)
        #expect(answer.status == 200, "\(answer.body)")
        #expect(answer.body["issued_token_type"] == .string(Self.txnToken) && answer.body["token_type"] == "N_A")
        #expect(answer.body["authorization_details"] == Self.details && answer.body["receipt"] == nil)
        let (header, claims) = try await KindsFixture.verified(answer.token)
        #expect(header["typ"] == "txntoken+jwt" && claims["txn"]?.string?.count == 32)
        let rest = try rest(claims, audience: "https://trust.acme.example")
        let expected: JSONValue = [
            "sub": "alice", "req_wl": "gateway-mcp", "scope": "accounts:read", "act": Self.act,
            "tctx": ["authorization_details": Self.details],
        ]
        #expect(JSONWriter.canonical(.object(rest)) == JSONWriter.canonical(expected))
    }

    @Test(
        "a transaction token says no more than its subject token's scope",
        arguments: [
            ("accounts:read openid", true), ("openid", false), ("", false), (["accounts:read"], true),
            (["openid"], false),
            (7, false),
        ] as [(JSONValue, Bool)])
    func transactionScope(scope: JSONValue, isAccepted: Bool) async throws {
        let user = try await KindsFixture.shared.value.userToken(changing: [.init(name: "scope", value: scope)])
        for (target, receipt) in [("trust", nil), ("demo-api", "trust")] as [(String, String?)] {
            let answer = try await KindsFixture.ask(
                try await KindsFixture.request(for: target, keepsDetails: true) {
                    $0.set("subject_token", user)
                    if let receipt { $0.set("receipt", receipt) }
                })
            #expect(answer.error == (isAccepted ? nil : "invalid_scope"), "\(target): \(answer.body)")
        }
    }

    @Test func anIdentityAssertionIsForTheOtherServersClient() async throws {
        let builder = try await KindsFixture.request(for: "chat") {
            $0.set("audience", nil)
            $0.set("resource", "https://api.chat.example/rooms")
            $0.set("requested_token_type", Self.idJAG)
        }
        let answer = try await KindsFixture.ask(builder)
        #expect(answer.status == 200, "\(answer.body)")
        #expect(answer.body["issued_token_type"] == .string(Self.idJAG) && answer.body["token_type"] == "N_A")
        let (header, claims) = try await KindsFixture.verified(answer.token)
        #expect(header["typ"] == "oauth-id-jag+jwt")
        let life = try lifetime(claims)
        #expect((298...300).contains(life))
        let rest = try rest(claims, audience: "https://auth.chat.example")
        let expected: JSONValue = [
            "sub": "alice", "client_id": "vault-at-chat", "scope": "chat:write", "act": Self.act,
            "resource": "https://api.chat.example/rooms",
        ]
        #expect(JSONWriter.canonical(.object(rest)) == JSONWriter.canonical(expected))
    }

    @Test func aFederationTokenFollowsItsTemplates() async throws {
        let answer = try await KindsFixture.ask(try await KindsFixture.request(for: "aws", keepsDetails: true))
        #expect(answer.status == 200, "\(answer.body)")
        #expect(answer.body["issued_token_type"] == .string(ExchangeRequestBuilder.jwt))
        #expect(answer.body["token_type"] == "N_A" && answer.body["scope"] == nil)
        let (header, claims) = try await KindsFixture.verified(answer.token)
        #expect(header["typ"] == "JWT")
        let rest = try rest(claims, audience: "sts.amazonaws.com")
        let expected: JSONValue = [
            "sub": "acme:alice", "client_id": "gateway-mcp", "act": Self.act, "authorization_details": Self.details,
            "sub_id": ["format": "iss_sub", "iss": "https://idp.acme.example", "sub": "alice"],
            "https://aws.amazon.com/tags": [
                "principal_tags": ["User": ["alice"], "Tool": ["crm.read_account"]], "transitive_tag_keys": ["User"],
            ],
        ]
        #expect(JSONWriter.canonical(.object(rest)) == JSONWriter.canonical(expected))
    }

    @Test func theEntryOfAFederationTokenNamesTheUserAndNotTheTemplate() async throws {
        let fixture = try await KindsFixture.shared.value
        let builder = try await KindsFixture.request(for: "google", keepsDetails: true)
        let request = builder.request()
        let answer = try ExchangeAnswer(await fixture.service.respond(to: request))
        let (_, claims) = try await KindsFixture.verified(answer.token)
        #expect(claims["sub"] == "alice/sales-assistant")
        let entry = try #require(try fixture.entries().last { $0.requestID == request.requestID })
        #expect(entry.user == .init(iss: "https://idp.acme.example", sub: "alice") && entry.tokenKind == "JWT")
    }

    @Test func agentsOfOneNameHaveEachTheirIssuerInATemplate() async throws {
        let plain = try await KindsFixture.ask(try await KindsFixture.request(for: "entra"))
        #expect(try await KindsFixture.verified(plain.token).claims["sub"] == "agents|sales-assistant")
        let user = try await KindsFixture.token(of: "https://acts.example", [("act", ["sub": "sales-assistant"])])
        let other = try await KindsFixture.ask(
            try await KindsFixture.request(for: "entra") {
                $0.set("subject_token", user)
                for name in ["actor_token", "actor_token_type"] { $0.set(name, nil) }
            })
        #expect(try await KindsFixture.verified(other.token).claims["sub"] == "acts|sales-assistant")
    }

    @Test func aValueThatCouldBeReadAsTwoIsNotPutIntoATemplate() async throws {
        let fixture = try await KindsFixture.shared.value
        let builder = try await KindsFixture.request(for: "google", keepsDetails: true) {
            $0.set("actor_token", try fixture.agentToken("a/b"))
        }
        let answer = try await KindsFixture.ask(builder)
        #expect(answer.status == 400 && answer.error == "invalid_request" && answer.token == nil)
    }

    @Test(
        "a token of another type than the target's is not had",
        arguments: [
            ("billing", txnToken), ("trust", KindsFixture.accessToken), ("trust", ExchangeRequestBuilder.jwt),
            ("chat", KindsFixture.accessToken), ("aws", KindsFixture.accessToken), ("aws", idJAG),
            ("crm", "urn:ietf:params:oauth:token-type:id_token"),
        ])
    func otherType(target: String, type: String) async throws {
        let answer = try await KindsFixture.ask(
            try await KindsFixture.request(for: target, keepsDetails: true) { $0.set("requested_token_type", type) })
        #expect(answer.status == 400 && answer.error == "invalid_request")
    }

    @Test func aClientThatAsksForItselfIsNoUser() async throws {
        let fixture = try await KindsFixture.shared.value
        var builder = try await KindsFixture.request(for: "billing")
        builder.parameters = [("grant_type", "client_credentials"), ("audience", "billing")]
        let request = builder.request()
        let answer = try ExchangeAnswer(await fixture.service.respond(to: request))
        #expect(answer.status == 200, "\(answer.body)")
        let (_, claims) = try await KindsFixture.verified(answer.token)
        #expect(claims["sub"] == "client:gateway-mcp" && claims["client_id"] == "gateway-mcp")
        #expect(claims["act"] == nil && claims["scope"] == "bill")
        let entry = try #require(try fixture.entries().last { $0.requestID == request.requestID })
        #expect(entry.ruleID == "nightly" && entry.user == .init(iss: ExchangeFixture.vault, sub: "client:gateway-mcp"))
        // What it got names no user, so it cannot be handed on as if it did.
        let onward = try await KindsFixture.handOn(
            try #require(answer.token), to: "billing", by: ExchangeFixture.gatewayName)
        #expect(onward.status == 400 && onward.error == "invalid_request")
    }

    @Test("without a rule for it no client asks for itself", arguments: ["crm", "trust", "chat"])
    func noRule(target: String) async throws {
        var builder = try await KindsFixture.request(for: target)
        builder.parameters = [("grant_type", "client_credentials"), ("audience", target)]
        let answer = try await KindsFixture.ask(builder)
        // A rule grants it for `chat`, but an identity assertion is about a user.
        #expect(answer.error == (target == "chat" ? "invalid_request" : "access_denied") && answer.token == nil)
    }

    @Test func aReceiptSaysWhatTheTokenBesideItWasIssuedFor() async throws {
        let fixture = try await KindsFixture.shared.value
        let builder = try await KindsFixture.request(for: "demo-api", keepsDetails: true) {
            $0.set("receipt", "https://trust.acme.example")
        }
        let request = builder.request()
        let answer = try ExchangeAnswer(await fixture.service.respond(to: request))
        #expect(answer.status == 200, "\(answer.body)")
        let (header, claims) = try await KindsFixture.verified(answer.token)
        let (receiptHeader, receipt) = try await KindsFixture.verified(answer.body["receipt"]?.string)
        #expect(header["typ"] == "at+jwt" && receiptHeader["typ"] == "txntoken+jwt")
        #expect(receipt["txn"] == claims["txn"] && receipt["scope"] == claims["scope"])
        let jti = try #require(claims["jti"])
        #expect(receipt["jti"]?.string?.hasPrefix("\(jti.string ?? "").") == true, "it is revoked with it")
        #expect(
            receipt["tctx"] == [
                "authorization_details": Self.details,
                "token": ["aud": .string(ExchangeFixture.audience), "jti": jti],
            ])
        let entries = try fixture.entries().filter { $0.requestID == request.requestID }
        #expect(
            entries.map(\.tokenKind) == ["txntoken+jwt", "at+jwt"] && entries.map(\.target) == ["trust", "demo-api"])
    }

    @Test func aReceiptHasNoScopeThatTheTokenBesideItHasNot() async throws {
        let count: JSONValue = [["type": "tool_invocation", "tool": "crm.count", "actions": ["read"]]]
        func ask(_ target: String) async throws -> ExchangeAnswer {
            try await KindsFixture.ask(
                KindsFixture.request(for: target, keepsDetails: target == "aws") {
                    $0.set("receipt", "trust")
                    if target == "crm" {
                        $0.set("authorization_details", String(decoding: JSONWriter.compact(count), as: UTF8.self))
                    }
                })
        }
        let refused = try await ask("crm")
        #expect(refused.error == "invalid_scope" && refused.token == nil && refused.body["receipt"] == nil)
        // A federation knows no scopes: the receipt's rule says what it is for.
        let (_, receipt) = try await KindsFixture.verified(try await ask("aws").body["receipt"]?.string)
        #expect(receipt["scope"] == "accounts:read")
    }

    @Test(
        "a receipt that is not granted leaves nothing granted",
        arguments: [("demo-api", "invalid_target"), ("nowhere", "invalid_target"), ("trust", "access_denied")])
    func refusedReceipt(receipt: String, error: String) async throws {
        let builder = try await KindsFixture.request(for: "demo-api", keepsDetails: receipt != "trust") {
            $0.set("receipt", receipt)
        }
        let answer = try await KindsFixture.ask(builder)
        #expect(answer.error == error && answer.token == nil && answer.body["receipt"] == nil)
    }
}
