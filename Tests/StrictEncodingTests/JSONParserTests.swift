import StrictEncoding
import Testing

@Suite struct JSONParserTests {
    private func reason(_ bytes: [UInt8]) -> JSONParser.Failure.Reason? {
        do {
            _ = try JSONParser.parse(bytes)
            return nil
        } catch {
            return error.reason
        }
    }

    private func reason(_ text: String) -> JSONParser.Failure.Reason? { reason(Array(text.utf8)) }

    static let accepted: [(String, JSONValue)] = [
        ("null", .null), ("true", true), ("false", false), (" \t\r\n1 \n", 1), ("[]", []), ("[ ]", []), ("{}", [:]),
        ("{ }", [:]), (#""""#, ""), ("[1,2 , 3]", [1, 2, 3]), (#"{"a":1, "b" :[true] }"#, ["a": 1, "b": [true]]),
        (#"{"":1}"#, ["": 1]), ("[[],{}]", [[], [:]]), (#"{"a":{"a":{"a":null}}}"#, ["a": ["a": ["a": .null]]]),
        // Numbers.
        ("0", 0), ("-0", 0), ("-1", -1), ("1.0", 1), ("1e2", 100), ("1E+2", 100), ("100e-2", 1), ("-0.0", 0),
        ("9007199254740991", 9_007_199_254_740_991), ("-9007199254740991", -9_007_199_254_740_991),
        ("9007199254740992", .number(9_007_199_254_740_992)), ("9007199254740993", .number(9_007_199_254_740_992)),
        ("12345678901234567890", .number(12_345_678_901_234_567_168)), ("1.5", .number(1.5)),
        ("-2.5e-3", .number(-0.0025)),
        ("123456789012345678e-17", .number(1.23456789012345678)), ("1e308", .number(1e308)),
        ("0.1e1", 1), ("1764000000", 1_764_000_000), ("1000000000000000", 1_000_000_000_000_000),
        // Strings.
        (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{08}\u{0C}\n\r\t")), (#""\u0041\u00e9\u20AC""#, "Aé€"),
        (#""\ud83d\ude00""#, "😀"), (#""\uD83D\uDE00 x""#, "😀 x"), ("\"é€😀\u{7F}\u{2028}\"", "é€😀\u{7F}\u{2028}"),
        (#""\u0001""#, "\u{01}"), (#""\uffff""#, "\u{FFFF}"), (#""a\u0301""#, "a\u{0301}"), (#""x\\""#, "x\\"),
        (#""\u0061bc def ghi jkl mno pqr stu""#, "abc def ghi jkl mno pqr stu"),
    ]

    @Test("what RFC 8259 allows is read", arguments: accepted)
    func reads(text: String, value: JSONValue) throws { #expect(try JSONParser.parse(Array(text.utf8)) == value) }

    static let refused: [(String, JSONParser.Failure.Reason)] = [
        // Structure.
        ("", .unexpectedEnd), (" ", .unexpectedEnd), ("[", .unexpectedEnd), ("[1", .unexpectedEnd),
        ("[1,", .unexpectedEnd), ("{", .unexpectedEnd), (#"{"a""#, .unexpectedEnd), (#"{"a":"#, .unexpectedEnd),
        (#"{"a":1"#, .unexpectedEnd), (#"{"a":1,"#, .unexpectedEnd), ("]", .unexpectedByte), ("}", .unexpectedByte),
        ("[1}", .unexpectedByte), (#"{"a":1]"#, .unexpectedByte), ("[,]", .unexpectedByte), ("[1,]", .unexpectedByte),
        ("[,1]", .unexpectedByte), ("[1,,2]", .unexpectedByte), ("[1 2]", .unexpectedByte),
        (#"{"a":1,}"#, .unexpectedByte),
        (#"{,"a":1}"#, .unexpectedByte), (#"{"a" 1}"#, .unexpectedByte), (#"{"a"::1}"#, .unexpectedByte),
        (#"{"a":}"#, .unexpectedByte), (#"{"a"}"#, .unexpectedByte), ("{a:1}", .unexpectedByte),
        ("{1:1}", .unexpectedByte),
        ("{'a':1}", .unexpectedByte), (#"{null:1}"#, .unexpectedByte), (#"{["a"]:1}"#, .unexpectedByte),
        ("1 1", .trailingBytes), ("{}{}", .trailingBytes), ("[]]", .trailingBytes), ("null,", .trailingBytes),
        ("{} //", .trailingBytes), ("\u{0C}1", .unexpectedByte), ("1\u{0B}", .trailingBytes),
        ("\u{A0}1", .unexpectedByte),
        ("/**/1", .unexpectedByte), ("[1/**/]", .unexpectedByte), ("#1", .unexpectedByte),
        ("\u{FEFF}1", .unexpectedByte),
        ("\u{FEFF}", .unexpectedByte), ("1\u{0}", .trailingBytes),
        // Words.
        ("nul", .unexpectedEnd), ("nulL", .unexpectedByte), ("True", .unexpectedByte), ("TRUE", .unexpectedByte),
        ("fals", .unexpectedEnd), ("nan", .unexpectedByte), ("NaN", .unexpectedByte), ("Infinity", .unexpectedByte),
        ("-Infinity", .unexpectedByte), ("undefined", .unexpectedByte), ("nullx", .trailingBytes),
        // Numbers.
        ("-", .unexpectedEnd), ("+1", .unexpectedByte), ("--1", .unexpectedByte), ("-a", .unexpectedByte),
        ("01", .trailingBytes), ("-01", .trailingBytes), ("00", .trailingBytes), ("1.", .unexpectedEnd),
        ("1.e1", .unexpectedByte), (".1", .unexpectedByte), ("-.1", .unexpectedByte), ("1e", .unexpectedEnd),
        ("1e+", .unexpectedEnd), ("1ea", .unexpectedByte), ("1e1.5", .trailingBytes), ("1.2.3", .trailingBytes),
        ("0x1", .trailingBytes), ("1_000", .trailingBytes), ("1,000", .trailingBytes), ("1e400", .numberOutOfRange),
        ("-1e400", .numberOutOfRange), ("1e9999999999999999999", .numberOutOfRange), ("[1e309]", .numberOutOfRange),
        ("١", .unexpectedByte), ("１", .unexpectedByte), ("1f", .trailingBytes), ("- 1", .unexpectedByte),
        // Strings.
        (#"""#, .unexpectedEnd), (#""a"#, .unexpectedEnd), (#""\""#, .unexpectedEnd), (#""\"#, .unexpectedEnd),
        (#""\x41""#, .badEscape), (#""\'""#, .badEscape), (#""\0""#, .badEscape), (#""\U0041""#, .badEscape),
        (#""\a""#, .badEscape), (#""\u""#, .badEscape), (#""\u004""#, .badEscape), (#""\u004g""#, .badEscape),
        (#""\u{41}""#, .badEscape), (#""\u+041""#, .badEscape), (#""\u 041""#, .badEscape), (#""\u00４1""#, .badEscape),
        (#""\u0000""#, .controlCharacter), (#""a\u0000b""#, .controlCharacter), ("\"\u{0}\"", .controlCharacter),
        ("\"\n\"", .controlCharacter), ("\"\t\"", .controlCharacter), ("\"\u{1F}\"", .controlCharacter),
        ("\"\\n\n\"", .controlCharacter), (#""\ud800""#, .loneSurrogate), (#""\udc00""#, .loneSurrogate),
        (#""\ud800x""#, .loneSurrogate), (#""\ud800\n""#, .loneSurrogate), (#""\ud800\ud800""#, .loneSurrogate),
        (#""\udc00\ud800""#, .loneSurrogate), (#""\ud800\u0041""#, .loneSurrogate), (#""\uDBFF""#, .loneSurrogate),
        (#""\uDFFF""#, .loneSurrogate), (#""\ud800\udc0""#, .badEscape), ("'a'", .unexpectedByte),
        ("\u{201C}a\u{201D}", .unexpectedByte),
        // Duplicate names, also by another spelling, at any depth.
        (#"{"a":1,"a":1}"#, .duplicateName), (#"{"a":1,"b":2,"a":3}"#, .duplicateName),
        (#"{"a":1,"\u0061":2}"#, .duplicateName), (#"{"":1,"":2}"#, .duplicateName),
        (#"[[{"x":{"a":1,"a":1}}]]"#, .duplicateName), (#"{"a":{"b":1},"a":{}}"#, .duplicateName),
        (#"{"\ud83d\ude00":1,"😀":2}"#, .duplicateName), (#"{"é":1,"e\u0301":2}"#, .duplicateName),
        (#"{"K":1,"\u212a":2}"#, .duplicateName),
    ]

    @Test("everything else is refused, with the reason", arguments: refused)
    func refuses(text: String, expected: JSONParser.Failure.Reason) { #expect(reason(text) == expected) }

    @Test(
        "strings must be UTF-8",
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE2, 0x82], [0xE0, 0x80, 0x80],
            [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80],
            [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xF0, 0x9F, 0x98],
        ] as [[UInt8]])
    func utf8(bytes: [UInt8]) {
        #expect(reason([0x22] + bytes + [0x22]) == .invalidUTF8)
        // The same after an escape, which takes another path.
        #expect(reason(Array(#""\n"#.utf8) + bytes + [0x22]) == .invalidUTF8)
        #expect(reason(bytes) == .unexpectedByte)
    }

    @Test func otherEncodingsAreNotGuessed() {
        #expect(reason([0xFF, 0xFE, 0x31, 0x00]) == .unexpectedByte)
        #expect(reason([0x31, 0x00]) == .trailingBytes)
        #expect(reason([0x00, 0x31]) == .unexpectedByte)
    }

    @Test func duplicatesAreFoundInLargeObjectsToo() {
        for count in [2, 11, 12, 13, 23, 24, 25, 26, 100] {
            let names = (0..<count).map { "\"m\($0)\":0" }
            #expect(reason("{\(names.joined(separator: ","))}") == nil)
            for index in [0, count / 2, count - 1] {
                #expect(reason("{\((names + [names[index]]).joined(separator: ","))}") == .duplicateName)
            }
        }
    }

    @Test func nestingIsBounded() {
        func nested(_ depth: Int, _ open: String, _ close: String) -> String {
            String(repeating: open, count: depth) + "0" + String(repeating: close, count: depth)
        }
        #expect(reason(nested(JSONParser.maximumDepth, "[", "]")) == nil)
        #expect(reason(nested(JSONParser.maximumDepth + 1, "[", "]")) == .tooDeep)
        #expect(reason(nested(JSONParser.maximumDepth, #"{"a":"#, "}")) == nil)
        #expect(reason(nested(JSONParser.maximumDepth + 1, #"{"a":"#, "}")) == .tooDeep)
        #expect(reason(String(repeating: "[", count: 100_000)) == .tooDeep)
        #expect(reason(String(repeating: #"{"a":"#, count: 100_000)) == .tooDeep)
    }

    @Test func theNumberOfValuesIsBounded() {
        func list(_ count: Int) -> String { "[" + [String](repeating: "0", count: count).joined(separator: ",") + "]" }
        #expect(reason(list(JSONParser.maximumElements - 1)) == nil)
        #expect(reason(list(JSONParser.maximumElements)) == .tooManyElements)
    }

    @Test func numbersTooSmallForADoubleAreZeroOrRefusedButNeverElse() throws {
        let value = try? JSONParser.parse(Array("1e-400".utf8))
        #expect(value == nil || value == 0)
    }

    @Test func longNumbersAreReadAsTheNearestDouble() throws {
        let digits = String(repeating: "9", count: 300)
        #expect(try JSONParser.parse(Array(digits.utf8)) == .number(1e300))
        let fraction = "0." + String(repeating: "3", count: 2000)
        #expect(try JSONParser.parse(Array(fraction.utf8)) == .number(1.0 / 3))
    }

    @Test func aFailureSaysWhere() {
        let failure = #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(Array("[1, x]".utf8)) }
        #expect(failure?.reason == .unexpectedByte && failure?.offset == 4)
    }

    @Test func everyTruncationOfADocumentIsRefused() {
        let text = Array(#"{"a":[1,-2.5e3,true,null],"b":{"c":"x\u00e9\ud83d\ude00"},"d":"é"}"#.utf8)
        #expect(reason(text) == nil)
        for length in text.indices { #expect(reason(Array(text[..<length])) != nil, "\(length) bytes") }
    }

    /// A generator whose numbers are the same on every run.
    private struct Fixed: RandomNumberGenerator {
        var state: UInt64 = 42
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    @Test func whateverIsAcceptedIsWrittenAndReadBackTheSame() throws {
        var random = Fixed()
        let seed = Array(
            #"{"a":[1,-2.5e3,true,null,"x\u00e9\n"],"b":{"c":"\ud83d\ude00"},"d":"é","e":12345678901}"#.utf8)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes.insert(seed[Int.random(in: seed.indices, using: &random)], at: index)
                }
            }
            guard let value = try? JSONParser.parse(bytes) else { continue }
            accepted += 1
            #expect(try JSONParser.parse(JSONWriter.compact(value)) == value)
            let canonical = JSONWriter.canonical(value)
            #expect(try JSONWriter.canonical(JSONParser.parse(canonical)) == canonical)
        }
        #expect(accepted > 500)
    }
}
