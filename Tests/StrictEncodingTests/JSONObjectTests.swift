import StrictEncoding
import Testing

@Suite struct JSONObjectTests {
    @Test func membersAreFoundReplacedAndRemoved() {
        var object = JSONObject([.init(name: "a", value: 1), .init(name: "b", value: 2), .init(name: "a", value: 3)])
        #expect(object.names == ["a", "b"] && object["a"] == 3 && object["c"] == nil)
        object["c"] = 4
        object["a"] = nil
        object["nothing"] = nil
        #expect(object.names == ["b", "c"] && object["a"] == nil)
        #expect(object.firstName(notIn: ["b", "c"]) == nil && object.firstName(notIn: ["c"]) == "b")
    }

    /// Swift's `==` holds these equal (canonical equivalence); other programs do not.
    @Test(
        "strings and names are the same only if their bytes are",
        arguments: [
            ("K", "\u{212A}"), ("é", "e\u{301}"), ("\u{3B}", "\u{37E}"), ("a\u{323}\u{307}", "a\u{307}\u{323}"),
        ])
    func bytes(left: String, right: String) {
        #expect(left == right && !left.hasSameBytes(as: right) && left.hasSameBytes(as: left))
        #expect(JSONValue.string(left) != .string(right) && JSONValue.string(left) == .string(left))
        #expect(JSONValue.array([.string(left)]) != .array([.string(right)]))
        let object = JSONObject([.init(name: left, value: 1)])
        #expect(object[right] == nil && object[left] == 1)
        #expect(object != JSONObject([.init(name: right, value: 1)]))
    }

    @Test func valuesOfDifferentKindsDiffer() {
        let values: [JSONValue] = [.null, true, false, 0, 1, .number(0.5), "", "0", [], [0], [:], ["a": 0], ["a": 1]]
        for (index, left) in values.enumerated() {
            for (other, right) in values.enumerated() { #expect((left == right) == (index == other)) }
        }
    }

    @Test func accessorsGiveTheirOwnKindAlone() {
        #expect(JSONValue.string("x").string == "x" && JSONValue.integer(1).string == nil)
        #expect(JSONValue.integer(1).integer == 1 && JSONValue.number(1.5).integer == nil)
        #expect(JSONValue.bool(true).bool == true && JSONValue.null.bool == nil)
        #expect(JSONValue.array(["a", "b"]).strings == ["a", "b"] && JSONValue.array(["a", 1]).strings == nil)
        #expect(JSONValue.array([]).strings == [] && JSONValue.string("a").strings == nil)
        #expect(JSONValue.object(JSONObject()).object == JSONObject() && JSONValue.null.object == nil)
    }
}
