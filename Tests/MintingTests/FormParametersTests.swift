import Minting
import StrictEncoding
import Testing

@Suite struct FormParametersTests {
    private func parse(_ text: String) throws -> FormParameters { try FormParameters(parsing: Array(text.utf8)) }

    private func code(_ bytes: [UInt8]) -> OAuthError.Code? {
        do {
            _ = try FormParameters(parsing: bytes)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func parametersAreDecodedInOrder() throws {
        let form = try parse("a=1&b=x+y%20z&c=&a=%C3%BC%26%3d&d.e_f-g=%2B&h=a=b~*")
        let expected: [(String, String)] = [
            ("a", "1"), ("b", "x y z"), ("c", ""), ("a", "ü&="), ("d.e_f-g", "+"), ("h", "a=b~*"),
        ]
        #expect(form.parameters.map(\.name) == expected.map(\.0))
        #expect(form.parameters.map { String(decoding: $0.value, as: UTF8.self) } == expected.map(\.1))
    }

    @Test func anEmptyBodyHasNoParameters() throws { #expect(try parse("").parameters.isEmpty) }

    @Test(
        "a form that can be read in two ways is refused",
        arguments: [
            "a", "a&b=1", "=1", "&", "&a=1", "a=1&", "a=1&&b=2", "a=%", "a=%4", "a=%4g", "a=%g4", "a=%%41", "a=%+1",
            "a=%u0041", "%=1", "a%=1", "a b=1", "a=1 2", "a=1\n", "a=\t", "a=1\r\n&b=2", "a=\u{7F}", "a=ü", "ü=1",
            "a=%00", "a=%0A", "a=%0D%0A", "a=%1F", "a=%7F", "a%00=1", "a=%FF", "a=%C3", "a=%C3%28", "a=%ED%A0%80",
            "a=%C0%80", "a=%F4%90%80%80", "%C3%BC=1", "a%20b=1", "a+b=1", "\u{FEFF}a=1", "a=1;b=2&",
        ])
    func refused(text: String) { #expect(code(Array(text.utf8)) == .invalidRequest) }

    @Test func rawBytesThatAreNotUTF8AreRefused() { #expect(code([0x61, 0x3D, 0xFF]) == .invalidRequest) }

    @Test func aFormHasBounds() throws {
        let many = (0...FormParameters.maximumCount).map { "p\($0)=1" }
        #expect(code(Array(many.joined(separator: "&").utf8)) == .invalidRequest)
        #expect(code(Array(many.dropLast().joined(separator: "&").utf8)) == nil)
        #expect(code(Array("a=".utf8) + [UInt8](repeating: 0x61, count: 65_534)) == nil)
        #expect(code(Array("a=".utf8) + [UInt8](repeating: 0x61, count: 65_535)) == .invalidRequest)
        #expect(code([UInt8](repeating: 0x61, count: 64) + Array("=1".utf8)) == nil)
        #expect(code([UInt8](repeating: 0x61, count: 65) + Array("=1".utf8)) == .invalidRequest)
    }

    @Test func missingEmptyAndRepeatedParametersAreErrorsThatNameThem() throws {
        let form = try parse("once=1&twice=1&twice=2&empty=&half=1&half=")
        #expect(try form.required("once") == Array("1".utf8))
        #expect(try form.optional("absent") == nil)
        #expect(try form.values("twice").count == 2)
        for (name, problem) in [
            ("absent", "absent is missing"), ("twice", "twice is repeated"), ("empty", "empty is empty"),
            ("half", "half is empty"),
        ] {
            let error = #expect(throws: OAuthError.self) { try form.required(name) }
            #expect(error?.code == .invalidRequest && error?.description == problem)
        }
    }
}
