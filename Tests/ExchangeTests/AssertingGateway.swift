import Foundation
import StrictEncoding
import VaultTesting

@testable import VaultAppliance

/// A gateway that proves itself with assertions, and its DPoP key; neither uses any of the appliance's JOSE.
struct AssertingGateway: Sendable {
    static let id = "gateway-jwt"
    static let assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    static let endpoint = "https://vault.acme.example:8443/oauth2/token"

    let keys: DevelopmentIssuer
    let proofKey: DevelopmentKey

    init() throws {
        keys = try DevelopmentIssuer(issuer: Self.id, audience: ExchangeFixture.vault)
        proofKey = try DevelopmentKey(.es256)
    }

    /// An assertion that is accepted, but for what is changed; a null leaves a member out.
    func assertion(
        now: UnixTime, algorithm: DevelopmentKey.Algorithm = .es256, key: DevelopmentKey? = nil,
        header: [JSONObject.Member] = [], claims: [JSONObject.Member] = []
    ) throws -> String {
        let key = try key ?? keys.key(algorithm)
        let usual = DevelopmentClaims(
            issuer: Self.id, subject: Self.id, audience: ExchangeFixture.vault, issuedAt: now, lifetime: 60,
            jwtID: UUID().uuidString)
        return try key.sign(header: key.header.changing(header), claims: usual.json(changing: claims))
    }

    /// A DPoP proof that is accepted if the nonce is, but for what is changed.
    func proof(
        now: UnixTime, nonce: String?, key: DevelopmentKey? = nil, header: [JSONObject.Member] = [],
        claims: [JSONObject.Member] = []
    ) throws -> String {
        let key = key ?? proofKey
        var jwk = try key.publicJWK
        for name in ["kid", "alg", "use"] { jwk[name] = nil }
        let usual = JSONObject([
            .init(name: "typ", value: "dpop+jwt"), .init(name: "alg", value: .string(key.algorithm.rawValue)),
            .init(name: "jwk", value: .object(jwk)),
        ])
        var body = JSONObject([
            .init(name: "jti", value: .string(UUID().uuidString)), .init(name: "htm", value: "POST"),
            .init(name: "htu", value: .string(Self.endpoint)), .init(name: "iat", value: .integer(now.seconds)),
        ])
        body["nonce"] = nonce.map { .string($0) }
        return try key.sign(header: usual.changing(header), claims: body.changing(claims))
    }
}

extension JSONObject {
    /// With members added or replaced; a null removes one.
    func changing(_ members: [Member]) -> JSONObject {
        var object = self
        for member in members { object[member.name] = member.value == .null ? nil : member.value }
        return object
    }
}

extension ExchangeRequestBuilder {
    /// The same request from `gateway-jwt`, without a certificate.
    mutating func authenticate(_ fixture: ExchangeFixture, assertion: String? = nil) throws {
        peer = nil
        set("client_assertion_type", AssertingGateway.assertionType)
        set("client_assertion", try assertion ?? fixture.gateway.assertion(now: fixture.now))
    }

    /// Adds a proof with a nonce that is good now.
    mutating func prove(_ fixture: ExchangeFixture, claims: [JSONObject.Member] = []) throws {
        dpop = [try fixture.gateway.proof(now: fixture.now, nonce: fixture.nonce(), claims: claims)]
    }
}

extension ExchangeFixture {
    /// A nonce as answers carry it, now or at another time.
    func nonce(at time: UnixTime? = nil) throws -> String {
        var builder = try ExchangeRequestBuilder(self)
        builder.dpop = ["asks for one"]
        let answer = service.authenticator.finished(
            .init(status: 200, body: []), for: builder.request(), now: time ?? now)
        return answer.headers.first { $0.0 == "DPoP-Nonce" }?.1 ?? ""
    }
}
