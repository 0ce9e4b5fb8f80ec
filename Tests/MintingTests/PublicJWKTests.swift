import Minting
import StrictEncoding
import Testing

@Suite struct PublicJWKTests {
    private static let p256 = #""kty":"EC","crv":"P-256","x":"\#(RFCVectors.es256X)","y":"\#(RFCVectors.es256Y)""#
    private static let rsa = #""kty":"RSA","n":"\#(RFCVectors.rs256Modulus)","e":"AQAB""#
    private static let ed25519 = #""kty":"OKP","crv":"Ed25519","x":"\#(RFCVectors.ed25519X)""#

    private func parse(
        _ members: String, _ algorithms: Set<JWSAlgorithm> = Set(JWSAlgorithm.allCases), kid: String? = "k"
    ) throws -> PublicJWK {
        let value = try JSONParser.parse(Array("{\(members)}".utf8))
        return try PublicJWK(parsing: try #require(value.object), algorithms: algorithms, kid: kid)
    }

    private func code(
        _ members: String, _ algorithms: Set<JWSAlgorithm> = Set(JWSAlgorithm.allCases), kid: String? = "k"
    ) throws -> MintingError.Code? {
        do {
            _ = try parse(members, algorithms, kid: kid)
            return nil
        } catch let error as MintingError {
            return error.code
        }
    }

    @Test func thumbprintsAreThoseOfTheStandards() throws {
        let rsa = try PublicJWK(.rsa(n: bytes(RFCVectors.thumbprintModulus), e: [1, 0, 1]), algorithm: .rs256)
        #expect(rsa.thumbprint == RFCVectors.thumbprint)
        #expect(rsa.kid == RFCVectors.thumbprint)
        #expect(try TestKey.edDSA.jwk().thumbprint == RFCVectors.ed25519Thumbprint)
    }

    @Test func aThumbprintDoesNotDependOnKidAlgOrUse() throws {
        let plain = try parse(Self.p256)
        let full = try parse(Self.p256 + #","kid":"k","alg":"ES256","use":"sig","key_ops":["verify"]"#)
        #expect(plain.thumbprint == full.thumbprint)
    }

    @Test(arguments: TestKey.allCases) func aKeyIsReadBackAsItWasWritten(key: TestKey) throws {
        let written = try key.jwk(kid: "name")
        let read = try PublicJWK(parsing: written.json)
        #expect(read.kid == "name" && read.algorithm == key.algorithm && read.material == key.material)
        #expect(written.json.names.suffix(3) == ["kid", "alg", "use"])
        #expect(read.required.names.allSatisfy { !["kid", "alg", "use"].contains($0) })
    }

    @Test(
        "alg pins the algorithm, and without it the one allowed algorithm that fits",
        arguments: [
            (p256, [.es256, .rs256], .es256), (ed25519, [.edDSA, .es256], .edDSA),
            (ed25519 + #","alg":"Ed25519""#, [.edDSA], .edDSA), (rsa, [.rs256, .es256], .rs256),
            (rsa, [.ps256], .ps256), (rsa + #","alg":"PS256""#, [.rs256, .ps256], .ps256),
        ] as [(String, Set<JWSAlgorithm>, JWSAlgorithm)])
    func pinned(members: String, allowed: Set<JWSAlgorithm>, expected: JWSAlgorithm) throws {
        #expect(try parse(members, allowed).algorithm == expected)
    }

    @Test func anRSAKeyThatTwoAlgorithmsFitIsRefusedByName() throws {
        #expect(try code(Self.rsa, [.rs256, .ps256]) == .ambiguousAlgorithm)
        do {
            _ = try parse(Self.rsa, [.rs256, .ps256])
        } catch let error as MintingError {
            #expect(error.context.contains("key k") && error.context.contains("RS256 or PS256"))
        }
    }

    static let refused: [(String, MintingError.Code)] = [
        // Private and symmetric keys.
        (p256 + #","d":"\#(RFCVectors.es256D)""#, .privateKey), (rsa + #","d":"AQAB""#, .privateKey),
        (rsa + #","p":"AQAB""#, .privateKey), (rsa + #","qi":"AQAB""#, .privateKey),
        (rsa + #","oth":[]"#, .privateKey), (ed25519 + #","d":"AA""#, .privateKey),
        (#""kty":"oct","k":"AAAA","alg":"HS256""#, .privateKey),
        // What it is for.
        (p256 + #","use":"enc""#, .unsupportedKey), (p256 + #","use":"SIG""#, .unsupportedKey),
        (p256 + #","use":1"#, .malformed), (p256 + #","key_ops":["sign"]"#, .unsupportedKey),
        (p256 + #","key_ops":[]"#, .unsupportedKey), (p256 + #","key_ops":["verify","verify"]"#, .malformed),
        (p256 + #","key_ops":"verify""#, .malformed),
        // Algorithms.
        (p256 + #","alg":"RS256""#, .unsupportedKey), (p256 + #","alg":"es256""#, .unsupportedKey),
        (p256 + #","alg":"none""#, .unsupportedKey), (p256 + #","alg":"HS256""#, .unsupportedKey),
        (p256 + #","alg":null"#, .malformed), (rsa + #","alg":"RSA-OAEP""#, .unsupportedKey),
        (rsa + #","alg":"Ed25519""#, .unsupportedKey), (p256 + #","alg":"""#, .unsupportedKey),
        // Types and curves.
        (#""crv":"P-256","x":"AA","y":"AA""#, .malformed), (#""kty":"ec","crv":"P-256""#, .unsupportedKey),
        (#""kty":"EC","crv":"P-384","x":"AA","y":"AA""#, .unsupportedKey),
        (#""kty":"EC","crv":"secp256k1","x":"AA","y":"AA""#, .unsupportedKey),
        (#""kty":"OKP","crv":"X25519","x":"AA""#, .unsupportedKey),
        (#""kty":"OKP","crv":"Ed448","x":"AA""#, .unsupportedKey), (#""kty":"EC","x":"AA","y":"AA""#, .unsupportedKey),
        // Numbers.
        (#""kty":"EC","crv":"P-256","x":"\#(RFCVectors.es256X)""#, .malformed),
        (#""kty":"EC","crv":"P-256","x":"\#(RFCVectors.es256X)","y":1"#, .malformed),
        (#""kty":"EC","crv":"P-256","x":"\#(RFCVectors.es256X)=","y":"\#(RFCVectors.es256Y)""#, .malformed),
        (#""kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA""#, .malformed),
        (#""kty":"EC","crv":"P-256","x":"\#(RFCVectors.es256Y)","y":"\#(RFCVectors.es256X)""#, .weakKey),
        (#""kty":"OKP","crv":"Ed25519","x":"AAAA""#, .malformed), (#""kty":"OKP","crv":"Ed25519","x":"""#, .malformed),
        // Names.
        (p256 + #","kid":"other""#, .badKeyID), (p256 + #","kid":1"#, .badKeyID), (p256 + #","kid":"""#, .badKeyID),
        (p256 + #","kid":"a b""#, .badKeyID), (p256 + #","kid":"\u212a""#, .badKeyID),
        (p256 + #","kid":"\#(String(repeating: "k", count: 257))""#, .badKeyID),
    ]

    @Test("a JWK that is not a proper public signing key is refused", arguments: refused)
    func refusedKeys(members: String, expected: MintingError.Code) throws {
        #expect(try code(members) == expected)
    }

    @Test func aKeyWithoutKidIsRefusedWhereNoneIsGiven() throws {
        #expect(try code(Self.p256, kid: nil) == .badKeyID)
    }

    @Test func membersTheStandardDoesNotKnowAreIgnored() throws {
        #expect(try code(Self.p256 + #","x5t":"AAAA","x5c":["AAAA"],"nbf":1,"issuer":"x""#) == nil)
    }

    @Test(
        "RSA numbers out of bounds are refused",
        arguments: [
            ([UInt8](repeating: 0xC5, count: 128), [1, 0, 1], .weakKey),
            ([0x7F] + [UInt8](repeating: 0xC5, count: 255), [1, 0, 1], .weakKey),
            ([0x01] + [UInt8](repeating: 0xC5, count: 512), [1, 0, 1], .weakKey),
            ([UInt8](repeating: 0xC4, count: 256), [1, 0, 1], .weakKey),
            ([0] + [UInt8](repeating: 0xC5, count: 256), [1, 0, 1], .malformed),
            ([UInt8](repeating: 0xC5, count: 256), [3], .weakKey),
            ([UInt8](repeating: 0xC5, count: 256), [1], .weakKey),
            ([UInt8](repeating: 0xC5, count: 256), [1, 0, 0], .weakKey),
            ([UInt8](repeating: 0xC5, count: 256), [0xFF, 0xFF], .weakKey),
            ([UInt8](repeating: 0xC5, count: 256), [1, 0, 0, 0, 1], .weakKey),
            ([UInt8](repeating: 0xC5, count: 256), [0, 1, 0, 1], .malformed),
            ([], [1, 0, 1], .malformed), ([UInt8](repeating: 0xC5, count: 256), [], .malformed),
        ] as [([UInt8], [UInt8], MintingError.Code)])
    func rsaBounds(n: [UInt8], e: [UInt8], expected: MintingError.Code) throws {
        let error = #expect(throws: MintingError.self) { try PublicJWK(.rsa(n: n, e: e), algorithm: .rs256) }
        #expect(error?.code == expected)
    }

    @Test(
        "keys of 2048 to 4096 bits and exponents from 65537 are accepted",
        arguments: [
            ([UInt8](repeating: 0xC5, count: 256), [1, 0, 1]), ([UInt8](repeating: 0xC5, count: 512), [1, 0, 1]),
            ([UInt8](repeating: 0xC5, count: 384), [1, 0, 3]),
        ] as [([UInt8], [UInt8])])
    func rsaWithinBounds(n: [UInt8], e: [UInt8]) throws {
        #expect(throws: Never.self) { try PublicJWK(.rsa(n: n, e: e), algorithm: .ps256) }
    }

    @Test(
        "a key is refused for an algorithm that it does not fit",
        arguments: [(TestKey.es256, JWSAlgorithm.rs256), (.rs256, .es256), (.edDSA, .es256), (.es256, .edDSA)])
    func misfit(key: TestKey, algorithm: JWSAlgorithm) {
        let error = #expect(throws: MintingError.self) { try PublicJWK(key.material, algorithm: algorithm) }
        #expect(error?.code == .unsupportedKey)
    }
}
