import StrictEncoding
import Testing

@Suite struct JSONWriterTests {
    private func canonical(_ text: String) throws -> String {
        String(decoding: JSONWriter.canonical(try JSONParser.parse(Array(text.utf8))), as: UTF8.self)
    }

    /// RFC 8785 appendix B: IEEE 754 bits and the text of each.
    @Test(
        "numbers are written as RFC 8785 prints them",
        arguments: [
            (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"), (0x7FEF_FFFF_FFFF_FFFF, "1.7976931348623157e+308"),
            (0xFFEF_FFFF_FFFF_FFFF, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
            (0xC340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44B5_2D02_C7E1_4AF5, "9.999999999999997e+22"), (0x44B5_2D02_C7E1_4AF6, "1e+23"),
            (0x44B5_2D02_C7E1_4AF7, "1.0000000000000001e+23"), (0x444B_1AE4_D6E2_EF4E, "999999999999999700000"),
            (0x444B_1AE4_D6E2_EF4F, "999999999999999900000"), (0x444B_1AE4_D6E2_EF50, "1e+21"),
            (0x3EB0_C6F7_A0B5_ED8C, "9.999999999999997e-7"), (0x3EB0_C6F7_A0B5_ED8D, "0.000001"),
            (0x41B3_DE43_5555_5553, "333333333.3333332"), (0x41B3_DE43_5555_5554, "333333333.33333325"),
            (0x41B3_DE43_5555_5555, "333333333.3333333"), (0x41B3_DE43_5555_5556, "333333333.3333334"),
            (0x41B3_DE43_5555_5557, "333333333.33333343"), (0xBECB_F647_612F_3696, "-0.0000033333333333333333"),
            (0x4314_3FF3_C1CB_0959, "1424953923781206.2"),
        ] as [(UInt64, String)])
    func numbers(bits: UInt64, text: String) throws {
        let value = Double(bitPattern: bits)
        #expect(String(decoding: JSONWriter.canonical(.number(value)), as: UTF8.self) == text)
        guard case .number(let again) = try JSONParser.parse(Array(text.utf8)) else { return }
        #expect(again.bitPattern == bits)
    }

    @Test(
        "a number's layout follows its exponent",
        arguments: [
            (1e20, "100000000000000000000"), (1e21, "1e+21"), (1.5e21, "1.5e+21"), (123e18, "123000000000000000000"),
            (0.1, "0.1"), (0.000001, "0.000001"), (0.0000001, "1e-7"), (1.25e-7, "1.25e-7"), (100.5, "100.5"),
            (-1.5, "-1.5"), (4.5, "4.5"), (2e-3, "0.002"), (1e-27, "1e-27"), (0.1 + 0.2, "0.30000000000000004"),
            (9_007_199_254_740_994, "9007199254740994"),
        ])
    func layouts(value: Double, text: String) {
        #expect(String(decoding: JSONWriter.canonical(.number(value)), as: UTF8.self) == text)
    }

    @Test func theExampleOfRFC8785IsReproduced() throws {
        // RFC 8785 sections 3.2.2 and 3.2.3.
        let text = #"""
            {
              "numbers": [333333333.33333329, 1E30, 4.50,
                          2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """#
        #expect(
            try canonical(text)
                == #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#
                + #""string":"€$\u000f\nA'B\"\\\\\"/"}"#)
    }

    @Test func membersAreSortedByUTF16CodeUnits() throws {
        // RFC 8785 section 3.2.3.
        let text = #"""
            {"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
             "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}
            """#
        let object = try #require(try JSONParser.parse(Array(try canonical(text).utf8)).object)
        #expect(
            object.members.map(\.value) == [
                "Carriage Return", "One", "Control", "Latin Small Letter O With Diaeresis", "Euro Sign",
                "Emoji: Grinning Face", "Hebrew Letter Dalet With Dagesh",
            ])
    }

    @Test(
        "names are ordered as their UTF-16 is",
        arguments: [
            ["", "a", "aa", "ab", "b"], ["abcdefgh", "abcdefgha", "abcdefghb", "abcdefgi"],
            ["longname1234", "longname123a", "longname123a1"], ["A", "B", "a"],
            ["\u{7F}", "\u{80}", "\u{7FF}", "\u{800}"],
            ["\u{D7FF}", "\u{10000}", "\u{10FFFF}", "\u{E000}", "\u{FFFF}"], ["x\u{10000}", "x\u{E000}"],
            ["12345678\u{10000}", "12345678\u{E000}"], ["1234567\u{10000}", "1234567\u{E000}"], ["a", "a\u{1}", "a "],
        ])
    func order(names: [String]) {
        let expected = names.sorted { $0.utf16.lexicographicallyPrecedes($1.utf16) }
        #expect(expected == names)
        for start in names.indices {
            let rotated = names[start...] + names[..<start]
            let value = JSONValue.object(JSONObject(rotated.map { .init(name: $0, value: .null) }))
            let written = try? JSONParser.parse(JSONWriter.canonical(value)).object?.names
            #expect(written == names)
        }
    }

    @Test func nestedObjectsAreSortedToo() throws {
        #expect(
            try canonical(#"{"b":[{"d":1,"c":2}],"a":{"f":3,"e":4}}"#) == #"{"a":{"e":4,"f":3},"b":[{"c":2,"d":1}]}"#)
    }

    @Test func compactKeepsTheOrder() throws {
        let value = try JSONParser.parse(Array(#"{ "b" : 1 , "a" : [ 2 , {"z":0,"y":0} ] }"#.utf8))
        #expect(JSONWriter.compact(value) == Array(#"{"b":1,"a":[2,{"z":0,"y":0}]}"#.utf8))
    }

    @Test func onlyWhatMustBeEscapedIs() {
        for byte in UInt8(0)...0x7F {
            let written = String(decoding: JSONWriter.compact(.string(String(Unicode.Scalar(byte)))), as: UTF8.self)
            let expected: String =
                switch byte {
                case 0x08: "\"\\b\""
                case 0x09: "\"\\t\""
                case 0x0A: "\"\\n\""
                case 0x0C: "\"\\f\""
                case 0x0D: "\"\\r\""
                case 0x22: "\"\\\"\""
                case 0x5C: "\"\\\\\""
                case 0..<0x10: "\"\\u000\(String(byte, radix: 16))\""
                case 0x10..<0x20: "\"\\u00\(String(byte, radix: 16))\""
                default: "\"\(Unicode.Scalar(byte))\""
                }
            #expect(written == expected)
        }
        #expect(JSONWriter.compact("é€😀\u{2028}/") == Array("\"é€😀\u{2028}/\"".utf8))
    }

    @Test func negativeZeroIsZero() throws {
        #expect(JSONWriter.compact(.number(-0.0)) == [0x30])
        #expect(try canonical("-0") == "0" && canonical("-0.0e5") == "0")
    }
}
