import Foundation
import Minting
import StrictEncoding
import VaultTesting

@testable import VaultAppliance

/// Every way to present a client's credential wrongly, with the answer to it.
extension BadExchange {
    private static func assertion(
        _ description: String, _ make: @escaping @Sendable (ExchangeFixture) throws -> String
    ) -> BadExchange {
        BadExchange("client_assertion \(description)", 401, "invalid_client") { builder, fixture in
            try builder.authenticate(fixture, assertion: try make(fixture))
        }
    }

    private static func assertionClaim(_ name: String, _ value: JSONValue) -> BadExchange {
        assertion("with \(name) = \(String(decoding: JSONWriter.compact(value), as: UTF8.self).prefix(40))") {
            try $0.gateway.assertion(now: $0.now, claims: [.init(name: name, value: value)])
        }
    }

    private static func assertionTime(_ name: String, _ offset: Int64) -> BadExchange {
        assertion("with \(name) \(offset) s from now") {
            try $0.gateway.assertion(
                now: $0.now, claims: [.init(name: name, value: .integer($0.now.seconds + offset))])
        }
    }

    private static func assertionHeader(_ name: String, _ value: JSONValue) -> BadExchange {
        assertion("with header \(name) = \(String(decoding: JSONWriter.compact(value), as: UTF8.self).prefix(40))") {
            try $0.gateway.assertion(now: $0.now, header: [.init(name: name, value: value)])
        }
    }

    static let assertions: [BadExchange] = [
        .assertion("that is no JWT") { _ in "not-a-jwt" }, .assertion("of dots") { _ in "..." },
        .assertion("that is too long") { _ in String(repeating: "a", count: 9000) },
        .assertion("of an unknown client") { fixture in
            try fixture.gateway.assertion(
                now: fixture.now, claims: [.init(name: "iss", value: "nobody"), .init(name: "sub", value: "nobody")])
        },
        .assertion("of a client with a certificate") { fixture in
            try fixture.gateway.assertion(
                now: fixture.now,
                claims: [.init(name: "iss", value: "gateway-mcp"), .init(name: "sub", value: "gateway-mcp")])
        },
        .assertion("signed with another key") { fixture in
            try fixture.gateway.assertion(
                now: fixture.now, key: DevelopmentKey(.es256),
                header: [.init(name: "kid", value: .string(try fixture.gateway.keys.key(.es256).kid))])
        },
        .assertion("with an unknown kid") { try $0.gateway.assertion(now: $0.now, key: DevelopmentKey(.es256)) },
        .assertion("with the kid of a key of another algorithm") { fixture in
            try fixture.gateway.assertion(
                now: fixture.now, header: [.init(name: "kid", value: .string(try fixture.gateway.keys.key(.ps256).kid))]
            )
        },
        .assertion("with an empty signature") {
            try $0.gateway.assertion(now: $0.now).split(separator: ".").prefix(2).joined(separator: ".") + "."
        },
        .assertion("altered in one bit") { fixture in
            var bytes = Array(try fixture.gateway.assertion(now: fixture.now).utf8)
            let place = bytes.count - 20
            bytes[place] = bytes[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            return String(decoding: bytes, as: UTF8.self)
        },
        .assertionHeader("alg", "none"), .assertionHeader("alg", "HS256"), .assertionHeader("alg", "RS256"),
        .assertionHeader("alg", .null), .assertionHeader("kid", .null), .assertionHeader("kid", 7),
        .assertionHeader("typ", "at+jwt"), .assertionHeader("typ", "dpop+jwt"), .assertionHeader("typ", 1),
        .assertionHeader("crit", ["exp"]), .assertionHeader("b64", false), .assertionHeader("cty", "JWT"),
        .assertionHeader("jku", "https://evil.example/"), .assertionHeader("x5u", "https://evil.example/"),
        .assertionHeader("jwk", ["kty": "EC"]),
        .assertionClaim("iss", .null), .assertionClaim("iss", 1), .assertionClaim("sub", .null),
        .assertionClaim("sub", "gateway-mcp"), .assertionClaim("aud", .null), .assertionClaim("aud", []),
        .assertionClaim("aud", "https://vault.acme.example:8443/oauth2/token"),
        .assertionClaim("aud", "https://vault.acme.example/"), .assertionClaim("aud", "https://other.example"),
        .assertionClaim("aud", ["https://vault.acme.example", "https://other.example"]),
        .assertionClaim("jti", .null), .assertionClaim("jti", ""), .assertionClaim("jti", 7),
        .assertionClaim("jti", .string(String(repeating: "x", count: 257))), .assertionClaim("jti", "\u{212A}"),
        .assertionClaim("exp", .null), .assertionClaim("exp", "soon"), .assertionClaim("exp", .number(1.5)),
        .assertionTime("exp", -11), .assertionTime("exp", 302), .assertionClaim("iat", .null),
        .assertionClaim("iat", "now"), .assertionTime("iat", 13), .assertionClaim("iat", 1),
        .assertionTime("nbf", 13),
    ]

    static let credentials: [BadExchange] = [
        BadExchange("client_assertion without its type") { builder, fixture in
            try builder.authenticate(fixture)
            builder.set("client_assertion_type", nil)
        },
        BadExchange("client_assertion_type alone") { builder, _ in
            builder.peer = nil
            builder.set("client_assertion_type", AssertingGateway.assertionType)
        },
        BadExchange("client_assertion_type of SAML", 401, "invalid_client") { builder, fixture in
            try builder.authenticate(fixture)
            builder.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")
        },
        BadExchange("an empty client_assertion") { builder, fixture in
            try builder.authenticate(fixture, assertion: "")
        },
        BadExchange("two client_assertions") { builder, fixture in
            try builder.authenticate(fixture)
            builder.parameters.append(("client_assertion", try fixture.gateway.assertion(now: fixture.now)))
        },
        BadExchange("an assertion and a client's certificate") { builder, fixture in
            try builder.authenticate(fixture)
            builder.peer = try fixture.certificate()
        },
        BadExchange("a secret and a certificate") { builder, _ in builder.set("client_secret", "secret") },
        BadExchange("a secret and an assertion") { builder, fixture in
            try builder.authenticate(fixture)
            builder.set("client_secret", "secret")
        },
        BadExchange("Authorization and a certificate") { builder, _ in builder.hasAuthorization = true },
        BadExchange("Authorization and an assertion") { builder, fixture in
            try builder.authenticate(fixture)
            builder.hasAuthorization = true
        },
        BadExchange("a secret alone", 401, "invalid_client") { builder, _ in
            builder.peer = nil
            builder.set("client_secret", "secret")
        },
        BadExchange("Authorization alone", 401, "invalid_client") { builder, _ in
            builder.peer = nil
            builder.hasAuthorization = true
        },
        BadExchange("a client_id that is not the assertion's", 401, "invalid_client") { builder, fixture in
            try builder.authenticate(fixture)
            builder.set("client_id", "gateway-mcp")
        },
        BadExchange("a used assertion", 401, "invalid_client") { builder, fixture in
            let assertion = try fixture.gateway.assertion(now: fixture.now)
            try builder.authenticate(fixture, assertion: assertion)
            let form = try FormParameters(parsing: builder.body)
            let bundle = fixture.service.bundles.current
            _ = try fixture.service.authenticator.authenticate(
                builder.request(), form, in: bundle.clients, now: fixture.now)
        },
    ]
}
