import Minting
import StrictEncoding
import Testing

@Suite struct JSONWebKeySetTests {
    private func set(_ keys: [JSONObject]) -> [UInt8] {
        JSONWriter.compact(["keys": .array(keys.map { .object($0) })])
    }

    private func code(
        _ bytes: [UInt8], _ algorithms: Set<JWSAlgorithm> = Set(JWSAlgorithm.allCases)
    ) -> MintingError.Code? {
        do {
            _ = try JSONWebKeySet(parsing: bytes, algorithms: algorithms)
            return nil
        } catch {
            return error.code
        }
    }

    private func without(_ member: String, _ object: JSONObject) -> JSONObject {
        var object = object
        object[member] = nil
        return object
    }

    private func with(_ member: String, _ value: JSONValue, _ object: JSONObject) -> JSONObject {
        var object = object
        object[member] = value
        return object
    }

    @Test func aSetIsReadBackAsItWasWritten() throws {
        let written = try JSONWebKeySet(TestKey.allCases.map { try $0.jwk() })
        let read = try JSONWebKeySet(parsing: JSONWriter.compact(.object(written.json)))
        #expect(read.keys.map(\.kid) == TestKey.allCases.map(\.rawValue))
        #expect(read.version == written.version && read.ignoredCount == 0)
        #expect(read.key(kid: "es256")?.algorithm == .es256)
    }

    @Test(arguments: ["", "es25", "ES256", "es256 ", "../es256", "es\u{212A}"])
    func anUnknownKidFindsNoKey(kid: String) throws {
        #expect(try Corp.keys().key(kid: kid) == nil)
    }

    @Test func aKidIsFoundByItsBytesNotByWhatLooksLikeThem() throws {
        let keys = try JSONWebKeySet([TestKey.es256.jwk(kid: "K")])
        #expect(keys.key(kid: "K") != nil && keys.key(kid: "\u{212A}") == nil)
    }

    @Test func keysThatAreNotMeantForUsAreCountedAndPassedOver() throws {
        let good = try TestKey.es256.jwk().json
        let others: [JSONObject] = try [
            with("use", "enc", without("kid", TestKey.rs256.jwk().json)),
            with("alg", "RSA-OAEP", TestKey.rs256.jwk().json),
            with("kty", "AKP", good), with("crv", "P-384", good), TestKey.edDSA.jwk().json,
            with("key_ops", ["encrypt"], good),
        ]
        let read = try JSONWebKeySet(parsing: set(others + [good]), algorithms: [.es256])
        #expect(read.keys.map(\.kid) == ["es256"] && read.ignoredCount == others.count)
    }

    @Test func aSetOfWhichNoKeyIsLeftIsRefused() throws {
        #expect(code(set([])) == .noUsableKey)
        #expect(code(set([try TestKey.es256.jwk().json]), [.rs256]) == .noUsableKey)
    }

    @Test func aFaultyKeyRefusesTheWholeSet() throws {
        let good = try TestKey.es256.jwk().json
        let rsa = try TestKey.rs256.jwk().json
        #expect(code(set([good, without("kid", rsa)])) == .badKeyID)
        #expect(code(set([good, good])) == .badKeyID)
        #expect(code(set([good, with("kid", "es256", rsa)])) == .badKeyID)
        #expect(code(set([good, without("alg", rsa)])) == .ambiguousAlgorithm)
        #expect(code(set([good, with("d", "AQAB", rsa)])) == .privateKey)
        #expect(code(set([good, with("e", "Aw", rsa)])) == .weakKey)
        #expect(code(set([good, with("n", "!", rsa)])) == .malformed)
    }

    @Test(
        "what is not a JWK Set is refused",
        arguments: ["", "{", "[]", "{}", #"{"keys":{}}"#, #"{"keys":[1]}"#, #"{"keys":[],"keys":[]}"#, "null"])
    func malformed(text: String) { #expect(code(Array(text.utf8)) == .malformed) }

    @Test func aSetHasBounds() throws {
        let many = try (0...JSONWebKeySet.maximumKeys).map {
            with("kid", .string("\($0)"), try TestKey.edDSA.jwk().json)
        }
        #expect(code(set(many)) == .tooLarge)
        #expect(code(set(many.dropLast())) == nil)
        #expect(code([UInt8](repeating: 0x20, count: JSONWebKeySet.maximumBytes + 1)) == .tooLarge)
    }

    @Test func theVersionChangesWithNamesAlgorithmsAndNumbersAlone() throws {
        let one = try JSONWebKeySet([TestKey.es256.jwk(), TestKey.edDSA.jwk()])
        #expect(try one.version == JSONWebKeySet([TestKey.edDSA.jwk(), TestKey.es256.jwk()]).version)
        #expect(try one.version != JSONWebKeySet([TestKey.es256.jwk()]).version)
        #expect(try one.version != JSONWebKeySet([TestKey.es256.jwk(kid: "x"), TestKey.edDSA.jwk()]).version)
        let rs256 = try JSONWebKeySet([TestKey.rs256.jwk(kid: "r")])
        #expect(try rs256.version != JSONWebKeySet([TestKey.ps256.jwk(kid: "r")]).version)
    }
}
