import StrictEncoding
import Testing

@testable import Minting

/// The rules for assertions, at and beyond every bound; the whole table with its answers is in ExchangeTests.
@Suite struct ClientAssertionTests {
    private static let now = Corp.now
    private static let issuer = "https://vault.acme.example"

    private func claims(_ changes: KeyValuePairs<String, String?> = [:]) -> String {
        var members: [(String, String)] = [
            ("iss", #""gateway""#), ("sub", #""gateway""#), ("aud", #""\#(Self.issuer)""#),
            ("iat", "\(Self.now.seconds)"), ("exp", "\(Self.now.seconds + 60)"), ("jti", #""once""#),
        ]
        for (name, json) in changes {
            members.removeAll { $0.0 == name }
            if let json { members.append((name, json)) }
        }
        return "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }

    private func outcome(
        _ changes: KeyValuePairs<String, String?> = [:], key: TestKey = .es256, header: String? = nil,
        keys: (any KeySource)? = nil, skew: Int64 = 5
    ) throws -> Result<ClientAssertion, TokenRejection> {
        let verifier = try ClientAssertionVerifier(issuer: Self.issuer)
        let keys = try keys ?? JSONWebKeySet([TestKey.es256.jwk(), TestKey.edDSA.jwk()])
        let client = AssertionClient(id: "gateway", keys: keys, clockSkew: skew, maximumLifetime: 300)
        let header = header ?? #"{"alg":"\#(key.algorithm.rawValue)","kid":"\#(key.rawValue)","typ":"JWT"}"#
        let assertion = try key.token(header: header, claims: claims(changes))
        return Result { () throws(TokenRejection) in
            try verifier.verify(assertion, now: Self.now) { $0 == client.id ? client : nil }
        }
    }

    private func rejection(_ result: Result<ClientAssertion, TokenRejection>) -> TokenRejection.Code? {
        if case .failure(let rejection) = result { rejection.code } else { nil }
    }

    @Test func aGoodAssertionSaysWhoAndUntilWhen() throws {
        let assertion = try outcome().get()
        #expect(
            assertion
                == ClientAssertion(
                    clientID: "gateway", jti: "once", issuedAt: Self.now.seconds,
                    acceptableUntil: Self.now.seconds + 60 + Issuer.maximumClockSkew))
    }

    @Test(
        "the client's skew is allowed to the second, and no second more",
        arguments: [
            ("iat", 5, nil), ("iat", 6, .issuedInFuture), ("nbf", 5, nil), ("nbf", 6, .notYetValid),
            ("exp", -4, nil), ("exp", -5, .expired), ("exp", 300, nil), ("exp", 301, .livesTooLong),
        ] as [(String, Int64, TokenRejection.Code?)])
    func bounds(claim: String, offset: Int64, expected: TokenRejection.Code?) throws {
        var changes: KeyValuePairs<String, String?> = [claim: "\(Self.now.seconds + offset)"]
        if claim == "iat" { changes = ["iat": "\(Self.now.seconds + offset)", "exp": "\(Self.now.seconds + 100)"] }
        #expect(rejection(try outcome(changes)) == expected)
    }

    @Test(
        "the audience is our issuer and nothing beside it",
        arguments: [
            (#""https://vault.acme.example""#, true), (#"["https://vault.acme.example"]"#, true),
            (#"["https://vault.acme.example","https://vault.acme.example"]"#, false),
            (#"["https://vault.acme.example","https://other.example"]"#, false),
            (#""https://vault.acme.example/oauth2/token""#, false), (#""HTTPS://vault.acme.example""#, false),
        ])
    func audience(json: String, isAccepted: Bool) throws {
        #expect(rejection(try outcome(["aud": json])) == (isAccepted ? nil : .wrongAudience))
    }

    @Test func reasonsTellWhatTheAnswerDoesNot() throws {
        #expect(rejection(try outcome(["iss": #""nobody""#])) == .unknownClient)
        #expect(rejection(try outcome(key: .rs256)) == .unknownKey)
        let confused = #"{"alg":"EdDSA","kid":"es256"}"#
        #expect(rejection(try outcome(header: confused)) == .algorithmMismatch)
        let forged = #"{"alg":"ES256","kid":"es256"}"#
        #expect(rejection(try outcome(key: .edDSA, header: forged)) == .badSignature)
        #expect(rejection(try outcome(keys: RefreshedKeySet(maximumAge: 60))) == .keysUnavailable)
    }

    @Test func aMissedKeyIsWishedForOnce() async throws {
        let keys = RefreshedKeySet(maximumAge: 60)
        keys.replace(with: try JSONWebKeySet([TestKey.es256.jwk()]), fetchedAt: Self.now)
        #expect(rejection(try outcome(keys: keys)) == nil)
        for _ in 0..<5 { #expect(rejection(try outcome(key: .edDSA, keys: keys)) == .unknownKey) }
        keys.finish()
        var wishes = 0
        for await _ in keys.wishes { wishes += 1 }
        #expect(wishes == 1)
    }

    /// The fastest of many runs each, taken in turn, so that load disturbs all of them alike.
    @Test("an unknown client, an unknown key and a wrong signature cost the same", arguments: TestKey.allCases)
    func sameSteps(key: TestKey) throws {
        let verifier = try ClientAssertionVerifier(issuer: Self.issuer)
        let known = try JSONWebKeySet([key.jwk()])
        let client = AssertionClient(id: "gateway", keys: known, clockSkew: 5, maximumLifetime: 300)
        func assertion(kid: String, iss: String) throws -> [UInt8] {
            var token = try key.token(
                header: #"{"alg":"\#(key.algorithm.rawValue)","kid":"\#(kid)"}"#,
                claims: claims(["iss": #""\#(iss)""#]))
            let place = token.count - 40
            token[place] = token[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            return token
        }
        let cases = [
            try assertion(kid: key.rawValue, iss: "gateway"), try assertion(kid: "nobody", iss: "gateway"),
            try assertion(kid: key.rawValue, iss: "nobodys"),
        ]
        var fastest = cases.map { _ in Duration.seconds(1) }
        let clock = ContinuousClock()
        for _ in 0..<300 {
            for (index, assertion) in cases.enumerated() {
                let time = clock.measure {
                    let result = Result { () throws(TokenRejection) in
                        try verifier.verify(assertion, now: Self.now) { $0 == client.id ? client : nil }
                    }
                    #expect(rejection(result) != nil)
                }
                fastest[index] = min(fastest[index], time)
            }
        }
        let (least, most) = (fastest.min() ?? .zero, fastest.max() ?? .zero)
        #expect(most < least * 2, "\(fastest)")
    }

    @Test("a decoy is as long as the signature it is to take the time of", arguments: [256, 384, 512, 64])
    func decoys(length: Int) throws {
        let decoys = try DecoyKeys()
        for algorithm in [JWSAlgorithm.rs256, .ps256] {
            guard case .rsa(let modulus, _) = decoys[algorithm, signatureLength: length].material else {
                Issue.record("a decoy for \(algorithm) is no RSA key")
                return
            }
            #expect(modulus.count == max(256, length))
        }
    }
}
