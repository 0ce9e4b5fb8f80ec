import StrictEncoding
import Testing

@Suite struct ObjectReaderTests {
    private enum Color: String, CaseIterable { case red, blue }

    private func fault(_ value: JSONValue, _ read: (inout ObjectReader) throws -> Void) -> SchemaFault? {
        do {
            var reader = try ObjectReader(value, path: "root")
            try read(&reader)
            try reader.finish()
            return nil
        } catch {
            return error as? SchemaFault
        }
    }

    @Test func everyReadTakesItsOwnKindAlone() {
        let value: JSONValue = ["s": "x", "i": 5, "b": true, "l": ["a"], "e": ["x", 1], "c": "red", "n": .null]
        let found = fault(value) { (reader: inout ObjectReader) throws in
            #expect(try reader.string("s") == "x" && reader.integer("i", in: 0...5) == 5)
            #expect(try reader.bool("b") && reader.strings("l") == ["a"])
            #expect(try reader.elements("e").map(\.path) == ["root.e[0]", "root.e[1]"])
            #expect(try reader.value("c", of: Color.self) == .red)
            #expect(try reader.optionalString("n") == nil && reader.optionalString("absent") == nil)
        }
        #expect(found == nil)
    }

    @Test func whatIsMissingOrOfAnotherKindIsNamedByItsPath() {
        let value: JSONValue = ["s": 1, "empty": "", "i": 6, "b": "true", "l": ["a", 1], "c": "green", "n": .null]
        let reads: [(path: String, read: (inout ObjectReader) throws -> Void)] = [
            ("root.s", { _ = try $0.string("s") }),
            ("root.empty", { _ = try $0.string("empty") }),
            ("root.absent", { _ = try $0.string("absent") }),
            ("root.i", { _ = try $0.integer("i", in: 0...5) }),
            ("root.b", { _ = try $0.bool("b") }),
            ("root.l", { _ = try $0.strings("l") }),
            ("root.s", { _ = try $0.elements("s") }),
            ("root.c", { _ = try $0.value("c", of: Color.self) }),
            ("root.n", { _ = try $0.required("n") }),
        ]
        for (path, read) in reads {
            let found = fault(value, read)
            #expect(found?.path == path)
        }
    }

    @Test func membersThatNothingReadAreRefused() {
        let found = fault(["a": 1, "b": 2]) { reader in _ = try reader.required("a") }
        #expect(found == SchemaFault(path: "root.b", problem: "is not a known member"))
    }

    @Test func onlyAnObjectCanBeRead() {
        #expect(fault([]) { _ in }?.path == "root")
    }
}
