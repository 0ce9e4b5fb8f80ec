import Minting
import StrictEncoding
import Testing

@Suite struct ToolInvocationTests {
    private static let digest = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"

    @Test func aFullInvocationIsReadAndEchoed() throws {
        let text =
            #"[{"type":"tool_invocation","tool":"crm.update","actions":["update"],"locations":["https://a.example/x"],"#
            + #""identifier":"0065g","arguments_sha256":"\#(Self.digest)"}]"#
        let invocation = try ToolInvocation(parsing: Array(text.utf8))
        #expect(invocation.tool == "crm.update" && invocation.actions == ["update"])
        #expect(invocation.locations == ["https://a.example/x"] && invocation.identifier == "0065g")
        #expect(invocation.argumentsSHA256 == Self.digest)
        #expect(String(decoding: JSONWriter.compact(invocation.json), as: UTF8.self) == text)
    }

    @Test func whatIsAbsentIsNotEchoed() throws {
        let text = #"[{"type":"tool_invocation","tool":"t"}]"#
        let invocation = try ToolInvocation(parsing: Array(text.utf8))
        #expect(invocation.actions.isEmpty && invocation.identifier == nil && invocation.argumentsSHA256 == nil)
        #expect(String(decoding: JSONWriter.compact(invocation.json), as: UTF8.self) == text)
    }

    private static func with(_ members: String) -> String { #"[{"type":"tool_invocation","tool":"t",\#(members)}]"# }

    private static func list(_ count: Int) -> String {
        "[" + (0..<count).map { "\"a\($0)\"" }.joined(separator: ",") + "]"
    }

    static let refused: [String] = [
        "", "[]", "{}", "null", "[[]]", "[1]", #""x""#, "[{}]", #"[{"tool":"t"}]"#, #"[{"type":"tool_invocation"}]"#,
        #"[{"type":"payment","tool":"t"}]"#, #"[{"type":"TOOL_INVOCATION","tool":"t"}]"#, #"[{"type":1,"tool":"t"}]"#,
        #"[{"type":"tool_invocation","tool":""}]"#, #"[{"type":"tool_invocation","tool":1}]"#,
        #"[{"type":"tool_invocation","tool":"a b"}]"#, #"[{"type":"tool_invocation","tool":"\u212a"}]"#,
        #"[{"type":"tool_invocation","tool":null}]"#, #"[{"type":"tool_invocation","tool":"t","tool":"u"}]"#,
        #"[{"type":"tool_invocation","tool":"t"},{"type":"tool_invocation","tool":"u"}]"#,
        #"[{"type":"tool_invocation","tool":"t"}"#, #"[{"type":"tool_invocation","tool":"t"}] x"#,
        with(#""privileges":["admin"]"#), with(#""datatypes":[]"#), with(#""Actions":["x"]"#),
        with(#""actions":"read""#), with(#""actions":[]"#), with(#""actions":[1]"#), with(#""actions":["a","a"]"#),
        with(#""actions":["a b"]"#), with(#""actions":[""]"#), with(#""actions":null"#),
        with(#""actions":\#(list(17))"#),
        with(#""locations":[]"#), with(#""locations":"https://a.example""#),
        with(#""locations":["https://a.example/\n"]"#),
        with("\"locations\":[\"\(String(repeating: "x", count: 2049))\"]"),
        with(#""identifier":7"#), with(#""identifier":"""#), with(#""identifier":null"#),
        with(#""identifier":"a\u0301""#),
        with("\"identifier\":\"\(String(repeating: "x", count: 257))\""),
        with(#""arguments_sha256":"""#), with(#""arguments_sha256":"\#(digest)=""#),
        with(#""arguments_sha256":"AAAA""#),
        with(#""arguments_sha256":"\#(digest.dropLast())V""#), with(#""arguments_sha256":["\#(digest)"]"#),
        with("\"identifier\":\"x\"" + String(repeating: " ", count: 16_384)),
    ]

    @Test("details of any other form are refused", arguments: refused)
    func otherForms(text: String) {
        let error = #expect(throws: OAuthError.self) { try ToolInvocation(parsing: Array(text.utf8)) }
        #expect(error?.code == .invalidAuthorizationDetails)
    }

    @Test(
        "what is within bounds is accepted",
        arguments: [
            with(#""actions":\#(list(16))"#), with("\"identifier\":\"\(String(repeating: "x", count: 256))\""),
            with("\"locations\":[\"\(String(repeating: "x", count: 2048))\"]"),
            with(#""arguments_sha256":"\#(digest)""#),
        ])
    func withinBounds(text: String) {
        #expect(throws: Never.self) { try ToolInvocation(parsing: Array(text.utf8)) }
    }
}
