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
        package enum Reason: String, Sendable {
            case unexpectedEnd, unexpectedByte, trailingBytes, duplicateName, badEscape, loneSurrogate, controlCharacter
            case invalidUTF8, numberOutOfRange, tooDeep, tooManyElements
        }
        package let reason: Reason
        package let offset: Int
    }

    private var position = 0
    private var elements = 0

    /// Parses one JSON document that fills `bytes` entirely.
    package static func parse(_ bytes: [UInt8]) throws(Failure) -> JSONValue {
        let input = bytes.span
        var parser = JSONParser()
        parser.skipWhitespace(input)
        let value = try parser.value(input, depth: 0)
        parser.skipWhitespace(input)
        guard parser.position == input.count else { throw parser.failure(.trailingBytes) }
        return value
    }

    private func failure(_ reason: Failure.Reason) -> Failure { Failure(reason: reason, offset: position) }

    private mutating func skipWhitespace(_ input: Span<UInt8>) {
        while position < input.count {
            switch input[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private func peek(_ input: Span<UInt8>) throws(Failure) -> UInt8 {
        guard position < input.count else { throw failure(.unexpectedEnd) }
        return input[position]
    }

    private mutating func expect(_ byte: UInt8, _ input: Span<UInt8>) throws(Failure) {
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
        guard elements <= Self.maximumElements else { throw failure(.tooManyElements) }
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

// Strings.
extension JSONParser {
    private mutating func string(_ input: Span<UInt8>) throws(Failure) -> String {
        try expect(UInt8(ascii: "\""), input)
        let start = position
        while position < input.count {
            let byte = input[position]
            if byte == UInt8(ascii: "\"") {
                let text = try decode(input.extracting(start..<position))
                position += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(input, from: start) }
            guard byte >= 0x20 else { throw failure(.controlCharacter) }
            position += 1
        }
        throw failure(.unexpectedEnd)
    }

    private func decode(_ text: Span<UInt8>) throws(Failure) -> String {
        do {
            return String(copying: try UTF8Span(validating: text))
        } catch {
            throw failure(.invalidUTF8)
        }
    }

    private mutating func escapedString(_ input: Span<UInt8>, from start: Int) throws(Failure) -> String {
        var content: [UInt8] = []
        content.reserveCapacity(2 * (position - start) + 16)
        for index in start..<position { content.append(input[index]) }
        while position < input.count {
            let byte = input[position]
            switch byte {
            case UInt8(ascii: "\""):
                let text = try decode(content.span)
                position += 1
                return text
            case UInt8(ascii: "\\"):
                position += 1
                content.append(contentsOf: String(try escape(input)).utf8)
            default:
                guard byte >= 0x20 else { throw failure(.controlCharacter) }
                content.append(byte)
                position += 1
            }
        }
        throw failure(.unexpectedEnd)
    }

    private mutating func escape(_ input: Span<UInt8>) throws(Failure) -> Unicode.Scalar {
        let byte = try peek(input)
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape(input)
        default: throw failure(.badEscape)
        }
    }

    private mutating func unicodeEscape(_ input: Span<UInt8>) throws(Failure) -> Unicode.Scalar {
        let first = try fourHexDigits(input)
        // U+0000 truncates strings in C consumers further down the line.
        guard first != 0 else { throw failure(.controlCharacter) }
        guard (0xD800...0xDFFF).contains(first) else {
            guard let scalar = Unicode.Scalar(first) else { throw failure(.loneSurrogate) }
            return scalar
        }
        guard first < 0xDC00, position + 1 < input.count, input[position] == UInt8(ascii: "\\"),
            input[position + 1] == UInt8(ascii: "u")
        else { throw failure(.loneSurrogate) }
        position += 2
        let second = try fourHexDigits(input)
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        else { throw failure(.loneSurrogate) }
        return scalar
    }

    private mutating func fourHexDigits(_ input: Span<UInt8>) throws(Failure) -> UInt32 {
        var result: UInt32 = 0
        for _ in 0..<4 {
            let byte = try peek(input)
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw failure(.badEscape)
            }
            result = result << 4 | UInt32(digit)
            position += 1
        }
        return result
    }
}

// Numbers.
extension JSONParser {
    /// Reads one or more digits; their value while it is small enough to be exact.
    private mutating func digits(_ input: Span<UInt8>) throws(Failure) -> Int64? {
        guard Self.isDigit(try peek(input)) else { throw failure(.unexpectedByte) }
        var value: Int64? = 0
        while position < input.count, Self.isDigit(input[position]) {
            value = value.flatMap { $0 < 1_000_000_000_000_000 ? $0 * 10 + Int64(input[position] & 0x0F) : nil }
            position += 1
        }
        return value
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private mutating func number(_ input: Span<UInt8>) throws(Failure) -> JSONValue {
        let start = position
        let isNegative = input[position] == UInt8(ascii: "-")
        if isNegative { position += 1 }
        var small: Int64? = 0
        if try peek(input) == UInt8(ascii: "0") { position += 1 } else { small = try digits(input) }
        if position < input.count, input[position] == UInt8(ascii: ".") {
            small = nil
            position += 1
            _ = try digits(input)
        }
        if position < input.count, input[position] | 0x20 == UInt8(ascii: "e") {
            small = nil
            position += 1
            let sign = try peek(input)
            if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            _ = try digits(input)
        }
        if let small, JSONValue.safeIntegers.contains(small) { return .integer(isNegative ? -small : small) }
        let text = try decode(input.extracting(start..<position))
        guard let value = Double(text), value.isFinite else { throw failure(.numberOutOfRange) }
        return JSONValue(normalising: value)
    }
}

extension JSONValue {
    /// The integers that every JSON implementation reads alike.
    ///
    /// Source: RFC 7493 section 2.2.
    package static let safeIntegers: ClosedRange<Int64> = -9_007_199_254_740_991...9_007_199_254_740_991

    /// An `integer` when the number is one within `safeIntegers`, so that `1` and `1.0` are the same value.
    init(normalising value: Double) {
        if let integer = Int64(exactly: value), JSONValue.safeIntegers.contains(integer) {
            self = .integer(integer)
        } else {
            self = .number(value)
        }
    }
}
