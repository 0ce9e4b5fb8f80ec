import AuditLog
import Foundation
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultAppliance

/// A partner's identity assertion for an access token of ours (RFC 7523 section 2.1).
@Suite(.serialized) struct AssertionGrantTests {
    private static let partner = "https://partner.example"
    private static let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"

    private static func assertion(
        type: String = "oauth-id-jag+jwt", of issuer: String = partner, lifetime: Int64 = 300,
        _ changes: [(String, JSONValue)] = []
    ) async throws -> String {
        let standard: [(String, JSONValue)] = [
            ("client_id", "gateway-mcp"), ("act", ["sub": "their-bot"]), ("scope", "accounts:read bill"),
            ("resource", "https://billing.acme.example/"),
        ]
        return try await KindsFixture.token(of: issuer, type: type, lifetime: lifetime, standard + changes)
    }

    private func redeem(_ assertion: String, _ parameters: [(String, String)] = []) async throws -> ExchangeAnswer {
        var builder = try ExchangeRequestBuilder(await KindsFixture.shared.value)
        builder.parameters = [("grant_type", Self.grant), ("assertion", assertion)] + parameters
        return try await KindsFixture.ask(builder)
    }

    @Test func anAssertionIsRedeemedForATokenOfItsResource() async throws {
        let answer = try await redeem(try await Self.assertion(), [("scope", "bill")])
        #expect(answer.status == 200, "\(answer.body)")
        #expect(answer.body["token_type"] == "Bearer" && answer.body["refresh_token"] == nil)
        let (header, claims) = try await KindsFixture.verified(answer.token)
        #expect(header["typ"] == "at+jwt" && claims["aud"] == "https://billing.acme.example")
        #expect(claims["sub"] == "partner:ann" && claims["client_id"] == "gateway-mcp" && claims["scope"] == "bill")
        #expect(claims["act"] == ["iss": .string(Self.partner), "sub": "their-bot"])
    }

    @Test func scopeThatIsNotAskedForIsThatOfTheAssertion() async throws {
        let answer = try await redeem(try await Self.assertion([("scope", "bill")]))
        #expect(answer.body["scope"] == "bill")
    }

    @Test func whatWasRefusedIsNotUsedUpByThat() async throws {
        let other: JSONValue = ["iss": .string(Self.partner), "sub": "other-bot"]
        let assertion = try await Self.assertion([("may_act", other)])
        for _ in 0..<2 {
            let answer = try await redeem(assertion)
            #expect(answer.error == "invalid_grant")
            #expect(try await KindsFixture.reason(answer)?.contains("may_act names another") == true)
        }
    }

    @Test("an assertion for one resource makes none for all", arguments: [nil, "https://auth.chat.example"])
    func resource(audience: String?) async throws {
        let assertion = try await Self.assertion([
            ("scope", "chat:write"), ("resource", "https://api.chat.example/rooms/7"),
        ])
        let answer = try await redeem(
            assertion,
            [("requested_token_type", "urn:ietf:params:oauth:token-type:id-jag")]
                + (audience.map { [("audience", $0)] } ?? []))
        let (_, claims) = try await KindsFixture.verified(answer.token)
        #expect(claims["resource"] == "https://api.chat.example/rooms/7")
    }

    @Test func anAssertionIsRedeemedOnce() async throws {
        let assertion = try await Self.assertion()
        #expect(try await redeem(assertion).status == 200)
        let again = try await redeem(assertion)
        #expect(again.status == 400 && again.error == "invalid_grant" && again.token == nil)
    }

    /// What an assertion is bound to, and whether a proof of the key and a certificate satisfy it.
    struct Bond: Sendable {
        let text: String
        let claim: @Sendable (_ key: String, _ certificate: String) -> JSONValue
        var proves = false
        let isAccepted: Bool
    }

    static let bonds: [Bond] = [
        Bond(
            text: "the key that is proven", claim: { key, _ in ["jkt": .string(key)] }, proves: true, isAccepted: true),
        Bond(text: "a key, and nothing is proven", claim: { key, _ in ["jkt": .string(key)] }, isAccepted: false),
        Bond(text: "another key", claim: { _, _ in ["jkt": "other"] }, proves: true, isAccepted: false),
        Bond(text: "the caller's certificate", claim: { _, c in ["x5t#S256": .string(c)] }, isAccepted: true),
        Bond(
            text: "the caller's certificate, with a proof of a key too", claim: { _, c in ["x5t#S256": .string(c)] },
            proves: true, isAccepted: true),
        Bond(text: "another certificate", claim: { key, _ in ["x5t#S256": .string(key)] }, isAccepted: false),
        Bond(
            text: "both", claim: { key, c in ["jkt": .string(key), "x5t#S256": .string(c)] }, proves: true,
            isAccepted: true),
        Bond(
            text: "both, of which one is not shown",
            claim: { key, c in ["jkt": .string(key), "x5t#S256": .string(c)] },
            isAccepted: false),
        Bond(
            text: "something else besides", claim: { key, _ in ["jkt": .string(key), "kid": "k"] }, proves: true,
            isAccepted: false),
        Bond(text: "something else", claim: { _, _ in ["jwk": ["kty": "EC"]] }, proves: true, isAccepted: false),
        Bond(text: "nothing", claim: { _, _ in [:] }, proves: true, isAccepted: false),
        Bond(text: "no object", claim: { key, _ in .string(key) }, proves: true, isAccepted: false),
        Bond(text: "no text", claim: { _, _ in ["jkt": 7] }, proves: true, isAccepted: false),
    ]

    @Test("an assertion that is bound is redeemed by whom it is bound to", arguments: bonds.indices)
    func bound(index: Int) async throws {
        let fixture = try await KindsFixture.shared.value
        let bond = Self.bonds[index]
        var builder = try ExchangeRequestBuilder(fixture)
        let certificate = try #require(builder.peer).thumbprint
        let claim = bond.claim(fixture.gateway.proofKey.kid, certificate)
        let assertion = try await Self.assertion([("cnf", claim), ("scope", "bill")])
        builder.parameters = [("grant_type", Self.grant), ("assertion", assertion)]
        if bond.proves { try builder.prove(fixture) }
        let answer = try await KindsFixture.ask(builder)
        #expect(answer.status == (bond.isAccepted ? 200 : 400), "\(bond.text): \(answer.body)")
        #expect(answer.error == (bond.isAccepted ? nil : "invalid_grant"))
        guard !bond.isAccepted else { return }
        #expect(try await KindsFixture.reason(answer)?.hasPrefix("assertion: cnf ") == true)
        #expect(answer.token == nil)
    }

    @Test func anAssertionThatWasRefusedForWantOfAProofIsNotUsedUp() async throws {
        let fixture = try await KindsFixture.shared.value
        let assertion = try await Self.assertion([
            ("cnf", ["jkt": .string(fixture.gateway.proofKey.kid)]), ("scope", "bill"),
        ])
        #expect(try await redeem(assertion).error == "invalid_grant")
        var builder = try ExchangeRequestBuilder(fixture)
        builder.parameters = [("grant_type", Self.grant), ("assertion", assertion)]
        try builder.prove(fixture)
        #expect(try await KindsFixture.ask(builder).status == 200)
    }

    @Test func ofManyAtOnceOneIsFirst() async throws {
        let assertion = try await Self.assertion()
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<16 { group.addTask { try await redeem(assertion).status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == 200 }.count == 1)
    }

    static let faults: [(String, [(String, JSONValue)])] = [
        ("another client's", [("client_id", "crm-server")]), ("nobody's", [("client_id", .null)]),
        ("without jti", [("jti", .null)]), ("without iat", [("iat", .null)]), ("without exp", [("exp", .null)]),
        ("for two servers", [("aud", ["https://vault.acme.example", "https://other.example"])]),
        ("for another server", [("aud", "https://other.example")]),
        ("for an audience that others may share", [("aud", "shared-audience")]), ("without sub", [("sub", .null)]),
        ("good for a day", [("exp", 9_000_000_000)]), ("expired", [("exp", 1)]),
        ("of another's user", [("sub", "corp:alice"), ("iss", "https://unknown.example")]),
        ("with a scope that is none", [("scope", ["bill"])]), ("with an odd resource", [("resource", 7)]),
        ("with unknown details", [("authorization_details", [["type": "payment"]])]),
    ]

    @Test("an assertion that is not acceptable is invalid_grant", arguments: faults.indices)
    func fault(index: Int) async throws {
        let answer = try await redeem(try await Self.assertion(Self.faults[index].1))
        #expect(answer.status == 400 && answer.error == "invalid_grant", "\(Self.faults[index].0): \(answer.body)")
    }

    @Test("only an identity assertion is one", arguments: ["JWT", "at+jwt", "client-authentication+jwt"])
    func otherType(type: String) async throws {
        #expect(try await redeem(try await Self.assertion(type: type)).error == "invalid_grant")
    }

    @Test(
        "an issuer that is no partner asserts nothing",
        arguments: ["https://idp.acme.example", "https://agents.acme.example", "https://vault.acme.example"])
    func otherIssuer(issuer: String) async throws {
        #expect(try await redeem(try await Self.assertion(of: issuer)).error == "invalid_grant")
    }

    @Test func aPartnersAssertionIsNoSubjectToken() async throws {
        let fixture = try await KindsFixture.shared.value
        let assertion = try await Self.assertion()
        var builder = try ExchangeRequestBuilder(fixture, user: assertion)
        builder.set("audience", "billing")
        #expect(try await KindsFixture.ask(builder).error == "invalid_request")
    }

    @Test(
        "more than the assertion was issued for is refused",
        arguments: [
            ("scope", "accounts:list", "invalid_scope"), ("audience", "crm", "invalid_target"),
            ("resource", "https://crm.acme.example/", "invalid_target"),
            ("resource", "https://x.example/", "invalid_target"),
        ])
    func widening(name: String, value: String, error: String) async throws {
        #expect(try await redeem(try await Self.assertion(), [(name, value)]).error == error)
    }

    @Test func aRefusedAssertionLeavesADenial() async throws {
        let fixture = try await KindsFixture.shared.value
        var builder = try ExchangeRequestBuilder(fixture)
        builder.parameters = [
            ("grant_type", Self.grant), ("assertion", try await Self.assertion([("client_id", "other")])),
        ]
        let request = builder.request()
        _ = await fixture.service.respond(to: request)
        let leaves = try fixture.entries().filter { $0.requestID == request.requestID }
        #expect(leaves.map(\.code) == ["invalid_grant"])
        #expect(leaves.first?.reason == "assertion: client_id is another client")
    }
}
