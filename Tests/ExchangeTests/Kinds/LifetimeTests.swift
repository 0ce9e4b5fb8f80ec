import AuditLog
import StrictEncoding
import Testing

@testable import VaultAppliance

/// How long a token lives: what the request asks for, within everything that bounds it.
@Suite(.serialized) struct LifetimeTests {
    private static let report = #"[{"type":"tool_invocation","tool":"crm.report","actions":["read"]}]"#

    /// The life of a granted token, which its answer must say too.
    private func life(_ answer: ExchangeAnswer) async throws -> Int64 {
        #expect(answer.status == 200, "\(answer.body)")
        return try await life(answer.token, saying: answer.body["expires_in"]?.integer)
    }

    private func life(_ token: String?, saying told: Int64?) async throws -> Int64 {
        let (_, claims) = try await KindsFixture.verified(token)
        let life = try #require(claims["exp"]?.integer) - (try #require(claims["iat"]?.integer))
        if let told { #expect(told == life) }
        return life
    }

    private func ask(
        _ target: String, _ expiresIn: String?, details: String? = nil,
        _ change: (inout ExchangeRequestBuilder) throws -> Void = { _ in }
    ) async throws -> ExchangeAnswer {
        try await KindsFixture.ask(
            try await KindsFixture.request(for: target) {
                $0.set("expires_in", expiresIn)
                $0.set("authorization_details", details)
                try change(&$0)
            })
    }

    @Test(
        "the rule says how long when the request does not, and how long at most when it does",
        arguments: [
            (nil, 30), ("1", 1), ("10", 10), ("90", 90), ("120", 120), ("121", 120), ("86400", 120),
            ("99999999999999999999999999", 120),
        ] as [(String?, Int64)])
    func rule(expiresIn: String?, expected: Int64) async throws {
        #expect(try await life(try await ask("crm", expiresIn, details: Self.report)) == expected)
    }

    @Test("the kind bounds it too", arguments: [("600", 300), ("20", 20)] as [(String, Int64)])
    func kind(expiresIn: String, expected: Int64) async throws {
        let found = try await life(try await ask("chat", expiresIn))
        #expect(found == expected)
    }

    @Test func theKeyBoundsItToo() async throws {
        // The rule allows 5 min, the key 90 s.
        #expect(try await life(try await ask("demo-api", "200")) == 90)
    }

    @Test func soDoWhatIsLeftOfTheProofs() async throws {
        let fixture = try await KindsFixture.shared.value
        let found = try await life(
            try await ask("crm", "100", details: Self.report) {
                $0.set("subject_token", try fixture.userToken(lifetime: 40))
            })
        #expect(found == 40)
    }

    @Test func aTokenThatIsHandedOnLivesAsLongAsItSaysAtMost() async throws {
        let first = try await ask("crm", "20") { $0.set("scope", "accounts:read") }
        let token = try #require(first.token)
        let longer = try await KindsFixture.handOn(token, to: "billing", [("expires_in", "50")])
        #expect(try await life(longer) == 20)
        let shorter = try await KindsFixture.handOn(token, to: "billing", [("expires_in", "7")])
        #expect(try await life(shorter) == 7)
    }

    @Test func everyGrantMayAskForLess() async throws {
        var builder = try await KindsFixture.request(for: "billing")
        builder.parameters = [("grant_type", "client_credentials"), ("audience", "billing"), ("expires_in", "5")]
        #expect(try await life(try await KindsFixture.ask(builder)) == 5)
    }

    @Test func aReceiptLivesAsLongAsIsAskedForToo() async throws {
        let answer = try await KindsFixture.ask(
            try await KindsFixture.request(for: "demo-api", keepsDetails: true) {
                $0.set("receipt", "trust")
                $0.set("expires_in", "5")
            })
        #expect(try await life(answer) == 5)
        #expect(try await life(answer.body["receipt"]?.string, saying: nil) == 5)
    }

    @Test func theEntrySaysWhenTheTokenEnds() async throws {
        let fixture = try await KindsFixture.shared.value
        let answer = try await ask("crm", "10", details: Self.report)
        let (_, claims) = try await KindsFixture.verified(answer.token)
        let entry = try #require(try fixture.entries().last { $0.jti == claims["jti"]?.string })
        #expect(entry.exp == claims["exp"]?.integer && entry.exp == entry.iat.map { $0 + 10 })
    }
}
