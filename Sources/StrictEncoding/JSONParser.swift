/// Reads JSON and accepts exactly one form of it.
///
/// Refused beside what RFC 8259 refuses: duplicate names at any depth (after unescaping), a byte order mark, lone
/// surrogates, U+0000 in strings, numbers that overflow a double, nesting beyond `maximumDepth`, more than
/// `maximumElements` values in all. Two parsers can therefore never read two meanings out of the same bytes.
package struct JSONParser {
    /// How deep arrays and objects may nest.
    package static let maximumDepth = 16
    /// How many values one document may hold.
    package static let maximumElements = 4096

    /// Why bytes are not acceptable JSON; `offset` counts bytes from the start.
    package struct Failure: Error, Equatable {
        /// What is wrong.
        package enum Reason: String, Sendable {
            case unexpectedEnd, unexpectedByte, trailingBytes, duplicateName, badEscape, loneSurrogate, controlCharacter
            case invalidUTF8, numberOutOfRange, tooDeep, tooManyElements
        }
        /// What is wrong.
        package let reason: Reason
        /// Where: bytes from the start.
        package let offset: Int
    }

    var position = 0
    private var elements = 0
    private let limit: Int

    private init(limit: Int) { self.limit = limit }

    /// Parses one JSON document that fills `bytes` entirely; `maximumElements` is for documents that grow over years.
    package static func parse(
        _ bytes: [UInt8], maximumElements: Int = Self.maximumElements
    ) throws(Failure) -> JSONValue {
        let input = bytes.span
        var parser = JSONParser(limit: maximumElements)
        parser.skipWhitespace(input)
        let value = try parser.value(input, depth: 0)
        parser.skipWhitespace(input)
        guard parser.position == input.count else { throw parser.failure(.trailingBytes) }
        return value
    }

    func failure(_ reason: Failure.Reason) -> Failure { Failure(reason: reason, offset: position) }

    private mutating func skipWhitespace(_ input: Span<UInt8>) {
        while position < input.count {
            switch input[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    func peek(_ input: Span<UInt8>) throws(Failure) -> UInt8 {
        guard position < input.count else { throw failure(.unexpectedEnd) }
        return input[position]
    }

    mutating func expect(_ byte: UInt8, _ input: Span<UInt8>) throws(Failure) {
        guard try peek(input) == byte else { throw failure(.unexpectedByte) }
        position += 1
    }

    private mutating func literal(
        _ text: StaticString, _ value: JSONValue, _ input: Span<UInt8>
    ) throws(Failure) -> JSONValue {
        for byte in text.description.utf8 { try expect(byte, input) }
        return value
    }

    private mutating func value(_ input: Span<UInt8>, depth: Int) throws(Failure) -> JSONValue {
        guard depth <= Self.maximumDepth else { throw failure(.tooDeep) }
        elements += 1
        guard elements <= limit else { throw failure(.tooManyElements) }
        switch try peek(input) {
        case UInt8(ascii: "{"): return .object(try object(input, depth: depth))
        case UInt8(ascii: "["): return .array(try array(input, depth: depth))
        case UInt8(ascii: "\""): return .string(try string(input))
        case UInt8(ascii: "t"): return try literal("true", .bool(true), input)
        case UInt8(ascii: "f"): return try literal("false", .bool(false), input)
        case UInt8(ascii: "n"): return try literal("null", .null, input)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number(input)
        default: throw failure(.unexpectedByte)
        }
    }

    private mutating func object(_ input: Span<UInt8>, depth: Int) throws(Failure) -> JSONObject {
        try expect(UInt8(ascii: "{"), input)
        skipWhitespace(input)
        if try peek(input) == UInt8(ascii: "}") {
            position += 1
            return JSONObject()
        }
        var members: [JSONObject.Member] = []
        members.reserveCapacity(depth == 0 ? 16 : 4)
        var seen: Set<String> = []
        while true {
            skipWhitespace(input)
            let name = try string(input)
            // A set only once the object is large: for a few members a scan is quicker than hashing.
            let duplicate: Bool
            if members.count < 24 {
                duplicate = members.contains { $0.name == name }
            } else {
                if seen.isEmpty { seen = Set(members.lazy.map(\.name)) }
                duplicate = !seen.insert(name).inserted
            }
            guard !duplicate else { throw failure(.duplicateName) }
            skipWhitespace(input)
            try expect(UInt8(ascii: ":"), input)
            skipWhitespace(input)
            members.append(.init(name: name, value: try value(input, depth: depth + 1)))
            guard try continues(input, until: UInt8(ascii: "}")) else { return JSONObject(unique: members) }
        }
    }

    private mutating func array(_ input: Span<UInt8>, depth: Int) throws(Failure) -> [JSONValue] {
        try expect(UInt8(ascii: "["), input)
        skipWhitespace(input)
        if try peek(input) == UInt8(ascii: "]") {
            position += 1
            return []
        }
        var result: [JSONValue] = []
        while true {
            skipWhitespace(input)
            result.append(try value(input, depth: depth + 1))
            guard try continues(input, until: UInt8(ascii: "]")) else { return result }
        }
    }

    /// Reads past a comma or past `end`; true after a comma.
    private mutating func continues(_ input: Span<UInt8>, until end: UInt8) throws(Failure) -> Bool {
        skipWhitespace(input)
        let byte = try peek(input)
        guard byte == UInt8(ascii: ",") || byte == end else { throw failure(.unexpectedByte) }
        position += 1
        return byte != end
    }
}
