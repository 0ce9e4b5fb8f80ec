import StrictEncoding
import Testing

@Suite struct Base64URLTests {
    /// RFC 4648 section 10, in the URL-safe alphabet and without padding; RFC 7515 appendix C.
    @Test(
        "the examples of the standards are encoded and decoded",
        arguments: [
            ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ])
    func examples(plain: String, encoded: String) {
        #expect(Base64URL.string(Array(plain.utf8)) == encoded)
        #expect(Base64URL.decode(encoded) == Array(plain.utf8))
    }

    @Test func theAlphabetIsTheURLSafeOne() {
        #expect(Base64URL.string([0x03, 0xEC, 0xFF, 0xE0, 0xC1]) == "A-z_4ME")
        #expect(Base64URL.decode("A-z_4ME") == [0x03, 0xEC, 0xFF, 0xE0, 0xC1])
    }

    @Test func everyLengthAndByteComesBack() {
        for length in 0..<70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ length) }
            let encoded = Base64URL.encode(bytes)
            #expect(encoded.count == (length * 4 + 2) / 3)
            #expect(Base64URL.decode(encoded) == bytes)
            #expect(Base64URL.decode(([0x2E] + encoded + [0x2E])[1..<(encoded.count + 1)]) == bytes)
            var appended: [UInt8] = [1]
            Base64URL.append(bytes, to: &appended)
            #expect(appended == [1] + encoded)
        }
        let all = (0...255).map { UInt8($0) }
        #expect(Base64URL.decode(Base64URL.encode(all)) == all)
    }

    @Test(
        "every other spelling is refused",
        arguments: [
            "Z", "Zm9vY", "Zg==", "Zm8=", "Zm9v=", "=", "====", "Zm9v\n", " Zm9v", "Zm 9v", "Zm9v\0", "Zm+v", "Zm/v",
            "Zm9.", "Zh", "Zm9", "Zm9vYh", "Zm9vYmF", "Zß", "Ｚg", "Zm9v*A",
        ])
    func strict(text: String) { #expect(Base64URL.decode(text) == nil) }

    /// Of the spellings of one or two bytes exactly one is accepted, so that a token has one form alone.
    @Test func unusedBitsMustBeZero() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        let two = alphabet.filter { Base64URL.decode([UInt8(ascii: "A"), $0]) != nil }
        #expect(two == Array("AQgw".utf8))
        let three = alphabet.filter { Base64URL.decode([UInt8(ascii: "A"), UInt8(ascii: "A"), $0]) != nil }
        #expect(three == Array("AEIMQUYcgkosw048".utf8))
    }

    @Test func onlyTheAlphabetIsAcceptedInEveryPlace() {
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        for byte in UInt8(0)...255 {
            for place in 0..<4 {
                var text = [UInt8](repeating: UInt8(ascii: "A"), count: 4)
                text[place] = byte
                #expect((Base64URL.decode(text) != nil) == alphabet.contains(byte))
            }
        }
    }
}
