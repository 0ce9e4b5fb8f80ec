import Crypto
import Foundation
import Minting
import StrictEncoding
import Testing

/// The attacks on JWT verifiers that are in use (RFC 8725 section 2 and published advisories), each with its exact code.
@Suite struct JWTAttackTests {
    struct Attack: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: TokenRejection.Code
        let token: @Sendable () throws -> [UInt8]

        init(_ name: String, _ code: TokenRejection.Code, _ token: @escaping @Sendable () throws -> [UInt8]) {
            testDescription = name
            self.code = code
            self.token = token
        }

        /// A token that would be good but for its header.
        static func header(_ name: String, _ code: TokenRejection.Code, _ header: String) -> Attack {
            Attack(name, code) { try TestKey.es256.token(header: header, claims: ClaimsText().text) }
        }

        /// A token that would be good but for the text of its claims.
        static func claims(_ name: String, _ code: TokenRejection.Code, _ claims: String) -> Attack {
            Attack(name, code) { try TestKey.es256.token(header: JWTAttackTests.header, claims: claims) }
        }
    }

    static let header = #"{"alg":"ES256","kid":"es256","typ":"JWT"}"#

    /// Header and claims of a good token with a signature of one's own.
    private static func forged(
        header: String, claims: String = ClaimsText().text, sign: ([UInt8]) -> [UInt8]
    ) -> [UInt8] {
        let dot = [UInt8(ascii: ".")]
        let input = Base64URL.encode(Array(header.utf8)) + dot + Base64URL.encode(Array(claims.utf8))
        return input + dot + Base64URL.encode(sign(input))
    }

    private static func hmac(_ secret: [UInt8]) -> ([UInt8]) -> [UInt8] {
        { Array(HMAC<SHA256>.authenticationCode(for: $0, using: SymmetricKey(data: secret))) }
    }

    static let algorithmAttacks: [Attack] = [
        Attack("alg none without signature", .malformed) {
            forged(header: #"{"alg":"none","kid":"es256"}"#) { _ in [] }
        },
        Attack("alg none with the signature of another algorithm", .algorithmMismatch) {
            try TestKey.es256.token(header: #"{"alg":"none","kid":"es256"}"#, claims: ClaimsText().text)
        },
        .header("alg None", .algorithmMismatch, #"{"alg":"None","kid":"es256"}"#),
        .header("alg nOnE", .algorithmMismatch, #"{"alg":"nOnE","kid":"es256"}"#),
        .header("alg in lower case", .algorithmMismatch, #"{"alg":"es256","kid":"es256"}"#),
        .header("alg with white space", .algorithmMismatch, #"{"alg":" ES256","kid":"es256"}"#),
        .header("alg empty", .algorithmMismatch, #"{"alg":"","kid":"es256"}"#),
        .header("alg ES384", .algorithmMismatch, #"{"alg":"ES384","kid":"es256"}"#),
        .header("alg of another key of the issuer", .algorithmMismatch, #"{"alg":"RS256","kid":"es256"}"#),
        .header("alg missing", .badHeader("alg"), #"{"kid":"es256"}"#),
        .header("alg not a string", .badHeader("alg"), #"{"alg":["ES256"],"kid":"es256"}"#),
        .header("alg null", .badHeader("alg"), #"{"alg":null,"kid":"es256"}"#),
        Attack("HS256 with the RSA modulus as the secret", .algorithmMismatch) {
            forged(header: #"{"alg":"HS256","kid":"rs256"}"#, sign: hmac(bytes(RFCVectors.rs256Modulus)))
        },
        Attack("HS256 with the JWK of the RSA key as the secret", .algorithmMismatch) {
            let jwk = try JSONWriter.compact(.object(TestKey.rs256.jwk().json))
            return forged(header: #"{"alg":"HS256","kid":"rs256"}"#, sign: hmac(jwk))
        },
        Attack("RS256 header over an HMAC", .badSignature) {
            forged(header: #"{"alg":"RS256","kid":"rs256"}"#, sign: hmac(bytes(RFCVectors.rs256Modulus)))
        },
        Attack("PS256 by a key that is pinned to RS256", .algorithmMismatch) {
            try TestKey.ps256.token(header: #"{"alg":"PS256","kid":"rs256"}"#, claims: ClaimsText().text)
        },
        Attack("psychic signature", .badSignature) {
            forged(header: header) { _ in [UInt8](repeating: 0, count: 64) }
        },
        Attack("signature of another token", .badSignature) {
            let other = try TestKey.es256.sign(Array("a.b".utf8))
            return forged(header: header) { _ in other }
        },
        Attack("signature in DER", .badSignature) {
            let key = try P256.Signing.PrivateKey(rawRepresentation: bytes(RFCVectors.es256D))
            let good = try TestKey.es256.token(header: header, claims: ClaimsText().text)
            let input = good[..<(good.lastIndex(of: UInt8(ascii: ".")) ?? 0)]
            let signature = Array(try key.signature(for: Array(input)).derRepresentation)
            return forged(header: header) { _ in signature }
        },
        Attack("signed by somebody else's key", .badSignature) {
            let key = P256.Signing.PrivateKey()
            return forged(header: header) { (try? Array(key.signature(for: $0).rawRepresentation)) ?? [] }
        },
    ]

    static let headerAttacks: [Attack] = [
        Attack("jwk with the attacker's key", .unsupportedHeader("jwk")) {
            let key = P256.Signing.PrivateKey()
            let point = Array(key.publicKey.rawRepresentation)
            let jwk = try PublicJWK(.p256(x: Array(point[..<32]), y: Array(point[32...])), algorithm: .es256)
            let text = String(decoding: JSONWriter.compact(.object(jwk.json)), as: UTF8.self)
            return forged(header: #"{"alg":"ES256","kid":"\#(jwk.kid)","jwk":\#(text)}"#) {
                (try? Array(key.signature(for: $0).rawRepresentation)) ?? []
            }
        },
        .header("jku", .unsupportedHeader("jku"), #"{"alg":"ES256","kid":"es256","jku":"https://evil.example"}"#),
        .header("x5u", .unsupportedHeader("x5u"), #"{"alg":"ES256","kid":"es256","x5u":"https://evil.example"}"#),
        .header("x5c", .unsupportedHeader("x5c"), #"{"alg":"ES256","kid":"es256","x5c":["AAAA"]}"#),
        .header("crit", .unsupportedHeader("crit"), #"{"alg":"ES256","kid":"es256","crit":["exp"],"exp":1}"#),
        .header("crit empty", .unsupportedHeader("crit"), #"{"alg":"ES256","kid":"es256","crit":[]}"#),
        .header("b64 false", .unsupportedHeader("b64"), #"{"alg":"ES256","kid":"es256","b64":false}"#),
        .header("b64 true", .unsupportedHeader("b64"), #"{"alg":"ES256","kid":"es256","b64":true}"#),
        .header(
            "b64 with crit", .unsupportedHeader("crit"), #"{"alg":"ES256","kid":"es256","b64":false,"crit":["b64"]}"#),
        .header("zip", .unsupportedHeader("zip"), #"{"alg":"ES256","kid":"es256","zip":"DEF"}"#),
        .header("enc", .unsupportedHeader("enc"), #"{"alg":"dir","kid":"es256","enc":"A256GCM"}"#),
        .header(
            "PBES2 count", .unsupportedHeader("p2c"), #"{"alg":"PBES2-HS256+A128KW","kid":"es256","p2c":2000000000}"#),
        .header("nested token by cty", .unsupportedHeader("cty"), #"{"alg":"ES256","kid":"es256","cty":"JWT"}"#),
        .header("kid missing", .badHeader("kid"), #"{"alg":"ES256"}"#),
        .header("kid empty", .badHeader("kid"), #"{"alg":"ES256","kid":""}"#),
        .header("kid null", .badHeader("kid"), #"{"alg":"ES256","kid":null}"#),
        .header("kid a number", .badHeader("kid"), #"{"alg":"ES256","kid":1}"#),
        .header("kid a path", .unknownKey, #"{"alg":"ES256","kid":"../../../../dev/null"}"#),
        .header("kid with SQL", .unknownKey, #"{"alg":"ES256","kid":"x'UNION/**/SELECT/**/'a';--"}"#),
        .header("kid with a command", .unknownKey, #"{"alg":"ES256","kid":"|/bin/id"}"#),
        .header("kid with NUL", .malformed, #"{"alg":"ES256","kid":"es256\u0000"}"#),
        .header("kid with a line break", .badHeader("kid"), #"{"alg":"ES256","kid":"es256\n"}"#),
        .header("kid that looks alike", .badHeader("kid"), #"{"alg":"ES256","kid":"\uff45s256"}"#),
        .header("kid of another key", .algorithmMismatch, #"{"alg":"ES256","kid":"rs256"}"#),
        .header(
            "kid far too long", .badHeader("kid"), #"{"alg":"ES256","kid":"\#(String(repeating: "k", count: 300))"}"#),
        .header("alg twice", .malformed, #"{"alg":"none","kid":"es256","alg":"ES256"}"#),
        .header("alg twice by an escape", .malformed, #"{"alg":"none","kid":"es256","\u0061lg":"ES256"}"#),
        .header("kid twice", .malformed, #"{"alg":"ES256","kid":"x","kid":"es256"}"#),
        .header("a member twice at depth", .malformed, #"{"alg":"ES256","kid":"es256","x":{"y":[{"z":1,"z":2}]}}"#),
        .header("typ a number", .badHeader("typ"), #"{"alg":"ES256","kid":"es256","typ":1}"#),
        .header("header is an array", .malformed, #"["ES256"]"#),
        .header("header is empty", .malformed, ""),
        .header("header with a byte order mark", .malformed, "\u{FEFF}" + header),
        .header("header with bytes after it", .malformed, header + "x"),
        .header(
            "header with very many members", .malformed,
            #"{"alg":"ES256","kid":"es256""# + (0..<20).map { #","m\#($0)":0"# }.joined() + "}"),
    ]

    static let formAttacks: [Attack] = [
        Attack("nothing", .malformed) { [] },
        Attack("one dot", .malformed) { Array("a.b".utf8) },
        Attack("dots alone", .malformed) { Array("..".utf8) },
        Attack("a great many dots", .malformed) { [UInt8](repeating: UInt8(ascii: "."), count: 16_000) },
        Attack("more bytes than a token may have", .tooLong) { [UInt8](repeating: UInt8(ascii: "A"), count: 16_385) },
        Attack("JWE with five parts", .malformed) { Array("eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA".utf8) },
        Attack("four parts", .malformed) { try good() + Array(".AAAA".utf8) },
        Attack("JSON serialization", .malformed) { Array(#"{"payload":"","signatures":[]}"#.utf8) },
        Attack("no signature", .malformed) { try changed { $0 = Array($0[...($0.lastIndex(of: 0x2E) ?? 0)]) } },
        Attack("no claims", .malformed) { try TestKey.es256.token(header: header, claims: "") },
        Attack("white space before", .malformed) { try [0x20] + good() },
        Attack("a line break after", .malformed) { try good() + [0x0A] },
        Attack("NUL after", .malformed) { try good() + [0] },
        Attack("padding", .malformed) { try good() + Array("==".utf8) },
        Attack("base64 that is not base64url", .malformed) { try changed { $0[10] = UInt8(ascii: "+") } },
        Attack("bytes beyond ASCII", .malformed) { try changed { $0[10] = 0xC3 } },
        Attack("unused bits that are not zero", .malformed) {
            // 64 bytes end in a character of which four bits are unused: another last character, the same bytes.
            try changed {
                $0[$0.count - 1] = $0[$0.count - 1] == UInt8(ascii: "B") ? UInt8(ascii: "C") : UInt8(ascii: "B")
            }
        },
        Attack("a token within a token", .malformed) {
            let inner = String(decoding: try good(), as: UTF8.self)
            return try TestKey.es256.token(header: header, claims: inner)
        },
    ]

    static let claimsAttacks: [Attack] = [
        .claims("claims are an array", .malformed, "[]"),
        .claims("claims are a string", .malformed, #""x""#),
        .claims("iss twice", .malformed, #"{"iss":"https://evil.example","iss":"https://idp.acme.example"}"#),
        .claims("sub twice", .malformed, ClaimsText(["x": #"1,"sub":"root""#]).text),
        .claims("a member twice at depth", .malformed, ClaimsText(["x": #"{"a":[{"b":1,"b":1}]}"#]).text),
        .claims("a member twice by an escape", .malformed, ClaimsText(["x": #"1,"s\u0075b":"root""#]).text),
        .claims("a number beyond double", .malformed, ClaimsText(["exp": "1e400"]).text),
        .claims("a number that is none", .malformed, ClaimsText(["exp": "NaN"]).text),
        .claims("a lone surrogate", .malformed, ClaimsText(["sub": #""\ud800""#]).text),
        .claims("surrogates in the wrong order", .malformed, ClaimsText(["sub": #""\udc00\ud800""#]).text),
        .claims("NUL in a string", .malformed, ClaimsText(["sub": #""alice\u0000""#]).text),
        .claims("a raw control character", .malformed, ClaimsText(["sub": "\"al\tice\""]).text),
        .claims("a byte order mark", .malformed, "\u{FEFF}" + ClaimsText().text),
        .claims("two documents", .malformed, ClaimsText().text + ClaimsText().text),
        .claims("a trailing comma", .malformed, ClaimsText(["x": "1,"]).text),
        .claims("a comment", .malformed, "/**/" + ClaimsText().text),
        .claims(
            "very deep nesting", .malformed,
            ClaimsText(["x": String(repeating: "[", count: 2000) + String(repeating: "]", count: 2000)]).text),
    ]

    private static func good() throws -> [UInt8] { try TestKey.es256.token(ClaimsText()) }

    private static func changed(_ change: (inout [UInt8]) -> Void) throws -> [UInt8] {
        var token = try good()
        change(&token)
        return token
    }

    @Test("an attack is rejected", arguments: algorithmAttacks + headerAttacks + formAttacks + claimsAttacks)
    func isRejected(attack: Attack) throws {
        let token = try attack.token()
        #expect(try Corp.verifier().rejection(of: token) == attack.code)
        #expect(try Corp.verifier().rejection(of: token, role: .actor) == attack.code)
    }

    @Test func theTokenThatTheAttacksChangeIsGood() throws {
        #expect(try Corp.verifier().rejection(of: Self.good()) == nil)
    }

    @Test(
        "any single changed character makes a token bad",
        arguments: [TestKey.es256, .edDSA])
    func everyCharacterCounts(key: TestKey) throws {
        let token = try key.token(ClaimsText())
        let verifier = try Corp.verifier()
        for index in token.indices {
            var changed = token
            changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(verifier.rejection(of: changed) != nil, "character \(index)")
        }
    }

    @Test func aRejectionSaysNothingOfTheToken() throws {
        let secret = "s3cr3t-value"
        let verifier = try Corp.verifier()
        let tokens = try [
            TestKey.es256.token(header: #"{"alg":"\#(secret)","kid":"es256"}"#, claims: ClaimsText().text),
            TestKey.es256.token(header: #"{"alg":"ES256","kid":"\#(secret)"}"#, claims: ClaimsText().text),
            TestKey.es256.token(ClaimsText(["iss": "\"\(secret)\""])),
            TestKey.es256.token(ClaimsText(["aud": "\"\(secret)\""])),
            TestKey.es256.token(ClaimsText(), type: secret),
            TestKey.es256.token(ClaimsText(["jti": "\"\(secret) \""])),
        ]
        for token in tokens {
            let error = #expect(throws: TokenRejection.self) {
                try verifier.verify(token, role: .subject, now: Corp.now)
            }
            #expect(error.map { !"\($0)".contains(secret) && !String(reflecting: $0).contains(secret) } == true)
        }
    }
}
