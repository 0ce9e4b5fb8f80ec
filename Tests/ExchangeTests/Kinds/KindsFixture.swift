import AuditLog
import Foundation
import Minting
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultAppliance

/// The fixture with every kind of target, and what the suites about kinds and delegation share.
enum KindsFixture {
    static let shared = Task { try await ExchangeFixture(.kinds) }
    static let agents = "https://agents.acme.example"
    static let accessToken = "urn:ietf:params:oauth:token-type:access_token"

    /// A request that starts as one for `target`, without details unless it keeps them.
    static func request(
        for target: String, keepsDetails: Bool = false,
        _ change: (inout ExchangeRequestBuilder) throws -> Void = { _ in }
    ) async throws -> ExchangeRequestBuilder {
        var builder = try ExchangeRequestBuilder(await shared.value)
        builder.set("audience", target)
        if !keepsDetails { builder.set("authorization_details", nil) }
        try change(&builder)
        return builder
    }

    /// The answer of the fixture's service, or of another one over the same core.
    static func ask(
        _ builder: ExchangeRequestBuilder, of service: ExchangeService? = nil
    ) async throws -> ExchangeAnswer {
        let shared = try await shared.value
        let request = builder.request()
        return try ExchangeAnswer(
            await (service ?? shared.service).respond(to: request), requestID: request.requestID)
    }

    /// Why the log says that a request was refused.
    static func reason(_ answer: ExchangeAnswer) async throws -> String? {
        try await shared.value.entries().last { $0.requestID == answer.requestID && $0.kind == .denied }?.reason
    }

    /// Header and claims of a token whose signature is that of a published key.
    static func verified(_ token: String?) async throws -> (header: JSONObject, claims: JSONObject) {
        let token = try #require(token)
        let keys = try JSONWebKeySet(parsing: await shared.value.keys.jwks.body)
        let dot = try #require(token.utf8.lastIndex(of: UInt8(ascii: ".")))
        let input = Array(token.utf8[..<dot])
        let parsed = try SigningInput(parsing: input)
        let kid = try #require(parsed.header["kid"]?.string)
        let key = try #require(keys.key(kid: kid))
        let signature = try #require(Base64URL.decode(token.utf8[token.utf8.index(after: dot)...]))
        #expect(key.verify(signature, over: input))
        return (parsed.header, parsed.claims)
    }

    /// A token of another issuer that has the users' keys.
    static func token(
        of issuer: String, subject: String = "ann", type: String = "JWT", lifetime: Int64 = 300,
        _ changes: [(String, JSONValue)] = []
    ) async throws -> String {
        let fixture = try await shared.value
        let key = try fixture.users.key(.es256)
        var header = key.header
        header["typ"] = .string(type)
        let claims = DevelopmentClaims(
            issuer: issuer, subject: subject, audience: ExchangeFixture.vault, issuedAt: fixture.now,
            lifetime: lifetime, jwtID: UUID().uuidString)
        return try key.sign(
            header: header, claims: claims.json(changing: changes.map { .init(name: $0.0, value: $0.1) }))
    }

    /// An exchange whose subject token is `token`, without an actor token.
    static func handOn(
        _ token: String, to target: String, by client: String = "spiffe://acme.example/server/crm",
        _ changes: [(String, String?)] = [], of service: ExchangeService? = nil
    ) async throws -> ExchangeAnswer {
        let fixture = try await shared.value
        var builder = try ExchangeRequestBuilder(fixture, user: token)
        builder.peer = try fixture.certificate(client)
        for name in ["actor_token", "actor_token_type", "authorization_details"] { builder.set(name, nil) }
        builder.set("subject_token_type", accessToken)
        builder.set("audience", target)
        for (name, value) in changes { builder.set(name, value) }
        return try await ask(builder, of: service)
    }

    /// An exchange that hands a token on with an agent's token.
    static func handOn(
        _ token: String, to target: String, by client: String = "spiffe://acme.example/server/crm", actor: String
    ) async throws -> ExchangeAnswer {
        try await handOn(
            token, to: target, by: client,
            [("actor_token", actor), ("actor_token_type", ExchangeRequestBuilder.jwt)])
    }
}
