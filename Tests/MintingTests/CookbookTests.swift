import Minting
import StrictEncoding
import Testing

/// The examples of RFC 7520: what they sign is no claims set, so as tokens all of them are refused.
@Suite struct CookbookTests {
    @Test("a token of the cookbook is refused", arguments: CookbookVectors.tokens.indices)
    func token(index: Int) throws {
        let (name, text) = CookbookVectors.tokens[index]
        for role in Issuer.Role.allCases {
            let rejection = try Corp.verifier().rejection(of: Array(text.utf8), role: role)
            if name == "6 nested, signed" {
                // The inner token is a good JWS of claims, of an issuer that is not ours and an algorithm we lack.
                #expect(rejection != nil)
            } else {
                #expect(rejection == .malformed, "\(name)")
            }
        }
    }

    @Test(
        "a key of the cookbook is taken only if it is public and of a kind in use",
        arguments: [
            ("3.1 P-521", .noUsableKey), ("3.2 private P-521", .privateKey), ("3.3 RSA", nil),
            ("3.4 private RSA", .privateKey), ("3.5 HMAC", .privateKey), ("3.6 AES", .privateKey),
        ] as [(String, MintingError.Code?)])
    func key(name: String, expected: MintingError.Code?) throws {
        let text = try #require(CookbookVectors.keys.first { $0.name == name }).text
        func load() throws(MintingError) -> JSONWebKeySet {
            try JSONWebKeySet(parsing: Array(#"{"keys":[\#(text)]}"#.utf8), algorithms: [.rs256, .es256])
        }
        do throws(MintingError) {
            let set = try load()
            #expect(expected == nil && set.keys.map(\.kid) == ["bilbo.baggins@hobbiton.example"])
        } catch {
            #expect(error.code == expected)
        }
    }

    @Test func theSignatureOfSectionFourOneIsGoodUnderItsKeyAlone() throws {
        let text = try #require(CookbookVectors.keys.first { $0.name == "3.3 RSA" }).text
        let token = try #require(CookbookVectors.tokens.first { $0.name == "4.1 RS256 over plain text, compact" }).text
        let dot = try #require(token.utf8.lastIndex(of: UInt8(ascii: ".")))
        let signature = try #require(Base64URL.decode(token.utf8[token.utf8.index(after: dot)...]))
        func isGood(_ algorithm: JWSAlgorithm) throws -> Bool {
            let set = try JSONWebKeySet(parsing: Array(#"{"keys":[\#(text)]}"#.utf8), algorithms: [algorithm])
            return set.keys[0].verify(signature, over: Array(token.utf8[..<dot]))
        }
        #expect(try isGood(.rs256) && !isGood(.ps256))
    }
}
