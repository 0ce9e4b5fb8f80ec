import Foundation
import Minting
import StrictEncoding
import VaultTesting

@testable import VaultAppliance

/// Every way to prove possession wrongly, with the answer to it (RFC 9449 section 4.3).
extension BadExchange {
    private static func proof(
        _ description: String, _ error: String = "invalid_dpop_proof",
        _ make: @escaping @Sendable (ExchangeFixture) throws -> String
    ) -> BadExchange {
        BadExchange("DPoP \(description)", 400, error) { builder, fixture in builder.dpop = [try make(fixture)] }
    }

    private static func proofHeader(_ name: String, _ value: JSONValue) -> BadExchange {
        proof("with header \(name) = \(String(decoding: JSONWriter.compact(value), as: UTF8.self).prefix(40))") {
            try $0.gateway.proof(now: $0.now, nonce: $0.nonce(), header: [.init(name: name, value: value)])
        }
    }

    private static func proofClaim(
        _ name: String, _ value: JSONValue, _ error: String = "invalid_dpop_proof"
    ) -> BadExchange {
        proof("with \(name) = \(String(decoding: JSONWriter.compact(value), as: UTF8.self).prefix(60))", error) {
            try $0.gateway.proof(now: $0.now, nonce: $0.nonce(), claims: [.init(name: name, value: value)])
        }
    }

    private static func proofTime(_ offset: Int64) -> BadExchange {
        proof("with iat \(offset) s from now") {
            try $0.gateway.proof(
                now: $0.now, nonce: $0.nonce(), claims: [.init(name: "iat", value: .integer($0.now.seconds + offset))])
        }
    }

    static let proofs: [BadExchange] = [
        .proof("that is no JWT") { _ in "not-a-jwt" }, .proof("that is empty") { _ in "" },
        .proof("that is too long") { _ in String(repeating: "a", count: 5000) },
        .proof("signed with another key") { fixture in
            let other = try DevelopmentKey(.es256).publicJWK
            var jwk = other
            for name in ["kid", "alg", "use"] { jwk[name] = nil }
            return try fixture.gateway.proof(
                now: fixture.now, nonce: fixture.nonce(), header: [.init(name: "jwk", value: .object(jwk))])
        },
        .proof("with a private key in its header") { fixture in
            try fixture.gateway.proof(
                now: fixture.now, nonce: fixture.nonce(),
                header: [.init(name: "jwk", value: .object(try fixture.gateway.proofKey.privateJWK))])
        },
        .proof("signed by PKCS#1 v1.5") { fixture in
            try fixture.gateway.proof(now: fixture.now, nonce: fixture.nonce(), key: DevelopmentKey(.rs256))
        },
        .proof("with an empty signature") {
            try $0.gateway.proof(now: $0.now, nonce: $0.nonce()).split(separator: ".").prefix(2).joined(separator: ".")
                + "."
        },
        BadExchange("two DPoP fields", 400, "invalid_dpop_proof") { builder, fixture in
            let nonce = try fixture.nonce()
            builder.dpop = try (0..<2).map { _ in try fixture.gateway.proof(now: fixture.now, nonce: nonce) }
        },
        BadExchange("a used DPoP proof", 400, "invalid_dpop_proof") { builder, fixture in
            try builder.prove(fixture)
            let form = try FormParameters(parsing: builder.body)
            let bundle = fixture.service.bundles.current
            _ = try fixture.service.authenticator.authenticate(
                builder.request(), form, in: bundle.clients, now: fixture.now)
        },
        .proofHeader("typ", "JWT"), .proofHeader("typ", .null), .proofHeader("typ", "at+jwt"),
        .proofHeader("alg", "none"), .proofHeader("alg", "HS256"), .proofHeader("alg", "PS256"),
        .proofHeader("alg", .null), .proofHeader("alg", 1), .proofHeader("jwk", .null), .proofHeader("jwk", "key"),
        .proofHeader("jwk", ["kty": "oct", "k": "AAAA"]), .proofHeader("jwk", ["kty": "EC", "crv": "P-256"]),
        .proofHeader("crit", ["b64"]), .proofHeader("b64", false), .proofHeader("jku", "https://evil.example/"),
        .proofHeader("x5c", ["MII"]), .proofHeader("cty", "JWT"),
        .proofClaim("htm", .null), .proofClaim("htm", "GET"), .proofClaim("htm", "post"), .proofClaim("htm", 1),
        .proofClaim("htu", .null), .proofClaim("htu", 1), .proofClaim("htu", ""),
        .proofClaim("htu", "https://vault.acme.example/oauth2/token"),
        .proofClaim("htu", "http://vault.acme.example:8443/oauth2/token"),
        .proofClaim("htu", "https://evil.example:8443/oauth2/token"),
        .proofClaim("htu", "https://vault.acme.example:8443/oauth2/introspect"),
        .proofClaim("htu", "https://vault.acme.example:8443/oauth2/x/../token"),
        .proofClaim("htu", "https://user@vault.acme.example:8443/oauth2/token"),
        .proofClaim("htu", "/oauth2/token"), .proofClaim("jti", .null), .proofClaim("jti", ""),
        .proofClaim("jti", 1), .proofClaim("jti", .string(String(repeating: "x", count: 257))),
        .proofClaim("iat", .null), .proofClaim("iat", "now"), .proofClaim("iat", .number(1.5)),
        .proofTime(33), .proofTime(-92), .proofClaim("nonce", 1),
        .proofClaim("nonce", .null, "use_dpop_nonce"), .proofClaim("nonce", "made-up", "use_dpop_nonce"),
        .proof("with a nonce that is too old", "use_dpop_nonce") { fixture in
            let old = fixture.now.adding(seconds: -DPoPNonces.lifetime)
            return try fixture.gateway.proof(now: fixture.now, nonce: fixture.nonce(at: old))
        },
        .proof("with a nonce of another process", "use_dpop_nonce") { fixture in
            try fixture.gateway.proof(now: fixture.now, nonce: DPoPNonces().current(now: fixture.now))
        },
    ]
}
