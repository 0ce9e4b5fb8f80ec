import AuditLog
import Foundation
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultAppliance

/// One malformed or refused exchange: what is wrong with it, and what the client must be told.
struct BadExchange: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let status: Int
    let error: String
    let change: @Sendable (inout ExchangeRequestBuilder, ExchangeFixture) throws -> Void

    init(
        _ description: String, _ status: Int = 400, _ error: String = "invalid_request",
        _ change: @escaping @Sendable (inout ExchangeRequestBuilder, ExchangeFixture) throws -> Void
    ) {
        testDescription = description
        self.status = status
        self.error = error
        self.change = change
    }

    static func parameter(_ name: String, _ value: String?, _ error: String = "invalid_request") -> BadExchange {
        BadExchange("\(name) \(value.map { "= '\($0.prefix(40))'" } ?? "missing")", 400, error) { builder, _ in
            builder.set(name, value)
        }
    }

    static func repeated(_ name: String) -> BadExchange {
        BadExchange("\(name) repeated") { builder, _ in
            let value = try #require(builder.parameters.first { $0.name == name }).value
            builder.parameters.append((name, value))
        }
    }

    static func user(_ description: String, _ token: @escaping @Sendable (ExchangeFixture) throws -> String)
        -> BadExchange
    {
        BadExchange("subject_token \(description)") { builder, fixture in
            builder.set("subject_token", try token(fixture))
        }
    }

    static func agent(_ description: String, _ token: @escaping @Sendable (ExchangeFixture) throws -> String)
        -> BadExchange
    {
        BadExchange("actor_token \(description)") { builder, fixture in
            builder.set("actor_token", try token(fixture))
        }
    }

    static func userClaim(_ name: String, _ value: JSONValue) -> BadExchange {
        user("with \(name) = \(String(decoding: JSONWriter.compact(value), as: UTF8.self).prefix(40))") {
            try $0.userToken(changing: [.init(name: name, value: value)])
        }
    }

    static func details(_ text: String) -> BadExchange {
        .parameter("authorization_details", text, "invalid_authorization_details")
    }
}

extension BadExchange {
    static let parameters: [BadExchange] =
        ["grant_type", "subject_token", "subject_token_type", "actor_token_type"].map { .parameter($0, nil) }
        + ["grant_type", "subject_token", "subject_token_type", "actor_token", "actor_token_type", "scope", "audience"]
        .map { .parameter($0, "") }
        + ["grant_type", "subject_token", "subject_token_type", "actor_token", "actor_token_type"].map { .repeated($0) }
        + [
            .parameter("grant_type", "client_credentials"),
            .parameter("grant_type", "password", "unsupported_grant_type"),
            .parameter("subject_token_type", "urn:ietf:params:oauth:token-type:saml2"),
            .parameter("subject_token_type", "jwt"),
            .parameter("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
            .parameter("expires_in", "0"), .parameter("expires_in", "soon"), .parameter("expires_in", ""),
            BadExchange("expires_in repeated") { builder, _ in
                builder.parameters += [("expires_in", "30"), ("expires_in", "30")]
            },
            .parameter("actor_token", nil), .parameter("subject_token", String(repeating: "a", count: 20_000)),
            .parameter("audience", nil, "invalid_target"), .parameter("audience", "nobody", "invalid_target"),
            .parameter("resource", "https://other.example/", "invalid_target"),
            .parameter("resource", "not a uri", "invalid_target"),
            .parameter("resource", "https://demo-api.acme.example/#fragment", "invalid_target"),
            .parameter("scope", "accounts:write", "invalid_scope"), .parameter("scope", "a\"b", "invalid_scope"),
            BadExchange("two targets", 400, "invalid_target") { builder, _ in
                builder.parameters.append(("audience", "api-rs256"))
            },
            .details("{}"), .details("[]"), .details("[1]"), .details("not json"),
            .details(#"[{"type":"payment","tool":"x","actions":["read"]}]"#),
            .details(#"[{"type":"tool_invocation","actions":["read"]}]"#),
            .details(#"[{"type":"tool_invocation","tool":"crm.read_account","actions":["read"],"extra":1}]"#),
            .details(#"[{"type":"tool_invocation","tool":"a","tool":"b"}]"#),
            .details(#"[{"type":"tool_invocation","tool":"a"},{"type":"tool_invocation","tool":"b"}]"#),
            .details(#"[{"type":"tool_invocation","tool":"crm.read_account","arguments_sha256":"short"}]"#),
        ]

    static let tokens: [BadExchange] = [
        .user("empty of signature") {
            try $0.userToken().components(separatedBy: ".").dropLast().joined(separator: ".") + "."
        },
        .user("with four parts") { try $0.userToken() + ".x" },
        .user("signed with another key") { fixture in
            let key = try DevelopmentKey(.es256)
            var header = key.header
            header["kid"] = .string(try fixture.users.key(.es256).kid)
            let claims = DevelopmentClaims(
                issuer: "https://idp.acme.example", subject: "alice", audience: ExchangeFixture.vault,
                issuedAt: fixture.now, lifetime: 300, jwtID: "forged-token-identifier")
            return try key.sign(
                header: header, claims: claims.json(changing: [.init(name: "groups", value: ["sales"])]))
        },
        .user("altered in one bit") { fixture in
            var bytes = Array(try fixture.userToken().utf8)
            bytes[bytes.count - 20] =
                bytes[bytes.count - 20] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            return String(decoding: bytes, as: UTF8.self)
        },
        .user("with alg none") { fixture in
            let body = try fixture.userToken().split(separator: ".")[1]
            return Base64URL.string(Array(#"{"alg":"none","kid":"x"}"#.utf8)) + "." + body + "."
        },
        .user("with another alg than its key's") { fixture in
            let key = try fixture.users.key(.es256)
            var header = key.header
            header["alg"] = "RS256"
            return try key.sign(
                header: header,
                claims: DevelopmentClaims(
                    issuer: "https://idp.acme.example", subject: "alice", audience: ExchangeFixture.vault,
                    issuedAt: fixture.now, lifetime: 300, jwtID: "confused-token-identifier"
                ).json())
        },
        .user("of an issuer outside its role") { try $0.agentToken("alice") },
        .userClaim("iss", "https://unknown.example"), .userClaim("iss", .null),
        .userClaim("aud", "https://other.example"),
        .userClaim("aud", .null), .userClaim("aud", []), .userClaim("aud", 1), .userClaim("exp", 1),
        .userClaim("exp", .null),
        .userClaim("exp", "never"), .userClaim("exp", .number(1.5)), .userClaim("nbf", 9_000_000_000),
        .userClaim("iat", 9_000_000_000), .userClaim("iat", 1), .userClaim("sub", .null), .userClaim("sub", ""),
        .userClaim("sub", "\u{212A}ate"), .userClaim("sub", 7), .userClaim("groups", "sales"),
        .userClaim("may_act", ["sub": "another-agent"]),
        .user("longer than the limit") {
            try $0.userToken(changing: [.init(name: "pad", value: .string(String(repeating: "x", count: 20_000)))])
        },
        .agent("of an issuer outside its role") { try $0.userToken("sales-assistant") },
        .agent("that has expired") { try $0.agentToken(lifetime: -60) },
        .agent("that is no JWT") { _ in "not-a-jwt" },
    ]

    static let decisions: [BadExchange] = [
        BadExchange("no certificate", 401, "invalid_client") { builder, _ in builder.peer = nil },
        BadExchange("a stranger's certificate", 401, "invalid_client") { builder, fixture in
            builder.peer = try fixture.certificate("spiffe://acme.example/gateway/stranger")
        },
        BadExchange("another client's id", 401, "invalid_client") { builder, _ in
            builder.set("client_id", "gateway-other")
        },
        BadExchange("mallory", 400, "access_denied") { builder, fixture in
            builder.set("subject_token", try fixture.userToken("mallory"))
        },
        BadExchange("a user outside the group", 400, "access_denied") { builder, fixture in
            builder.set("subject_token", try fixture.userToken(groups: ["support"]))
        },
        BadExchange("another agent", 400, "access_denied") { builder, fixture in
            builder.set("actor_token", try fixture.agentToken("other-agent"))
        },
        BadExchange("no agent", 400, "access_denied") { builder, _ in
            builder.set("actor_token", nil)
            builder.set("actor_token_type", nil)
        },
        BadExchange("a tool no rule names", 400, "access_denied") { builder, _ in
            builder.set(
                "authorization_details", #"[{"type":"tool_invocation","tool":"crm.drop_all","actions":["read"]}]"#)
        },
        BadExchange("an action no rule names", 400, "access_denied") { builder, _ in
            builder.set(
                "authorization_details",
                #"[{"type":"tool_invocation","tool":"crm.read_account","actions":["read","write"]}]"#)
        },
    ]
}

@Suite(.serialized) struct BadExchangeTests {
    @Test(
        "nothing is minted, the code is exact, and a leaf says so",
        arguments: BadExchange.parameters + BadExchange.tokens + BadExchange.decisions)
    func refused(exchange: BadExchange) async throws {
        let fixture = try await ExchangeTests.shared.value
        var builder = try ExchangeRequestBuilder(fixture)
        try exchange.change(&builder, fixture)
        let request = builder.request()
        let answer = try ExchangeAnswer(await fixture.service.respond(to: request))
        #expect(answer.status == exchange.status)
        #expect(answer.error == exchange.error)
        #expect(answer.token == nil)
        let leaves = try fixture.entries().filter { $0.requestID == request.requestID }
        #expect(leaves.map(\.kind) == [.denied])
        #expect(leaves.first?.code == exchange.error)
        #expect(leaves.first?.reason?.isEmpty == false)
    }

    @Test(
        "a body that is no form is refused",
        arguments: ["", "&", "=", "%", "a=%GG", "grant_type", "a=b&a=%00", String(repeating: "a=b&", count: 200)])
    func notAForm(body: String) async throws {
        let fixture = try await ExchangeTests.shared.value
        let request = try ExchangeRequestBuilder(fixture).request(body: Array(body.utf8))
        let answer = try ExchangeAnswer(await fixture.service.respond(to: request))
        #expect(answer.status == 400)
        #expect(answer.error == "invalid_request")
    }

    @Test("a client certificate outside its validity is no client's", arguments: [-40, 40])
    func certificateOutsideItsValidity(days: Int64) async throws {
        let fixture = try await ExchangeTests.shared.value
        var builder = try ExchangeRequestBuilder(fixture)
        builder.peer = try fixture.certificate(madeAt: fixture.now.adding(seconds: days * 86_400))
        let answer = try ExchangeAnswer(await fixture.service.respond(to: builder.request()))
        #expect(answer.status == 401)
        #expect(answer.error == "invalid_client")
    }

    @Test func noValueOfARequestReachesTheLog() async throws {
        let fixture = try await ExchangeTests.shared.value
        for name in ["subject_token", "actor_token", "audience", "resource", "client_id", "unknown"] {
            let canary = "canary-\(UUID().uuidString)"
            var builder = try ExchangeRequestBuilder(fixture)
            let token = try #require(builder.parameters.first { $0.name == "subject_token" }).value
            builder.set(name, canary)
            _ = await fixture.service.respond(to: builder.request())
            for entry in try fixture.entries() {
                let text = String(decoding: entry.canonicalBytes, as: UTF8.self)
                #expect(!text.contains(token))
                #expect(!text.contains(canary))
            }
        }
    }
}
