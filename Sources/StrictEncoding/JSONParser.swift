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

    private let bytes: [UInt8]
    private var position = 0
    private var elements = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Parses one JSON document that fills `bytes` entirely.
    package static func parse(_ bytes: [UInt8]) throws(Failure) -> JSONValue {
        var parser = JSONParser(bytes)
        parser.skipWhitespace()
        let value = try parser.value(depth: 0)
        parser.skipWhitespace()
        guard parser.position == bytes.count else { throw parser.failure(.trailingBytes) }
        return value
    }

    private func failure(_ reason: Failure.Reason) -> Failure { Failure(reason: reason, offset: position) }

    private mutating func skipWhitespace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private func peek() throws(Failure) -> UInt8 {
        guard position < bytes.count else { throw failure(.unexpectedEnd) }
        return bytes[position]
    }

    private mutating func expect(_ byte: UInt8) throws(Failure) {
        guard try peek() == byte else { throw failure(.unexpectedByte) }
        position += 1
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(Failure) -> JSONValue {
        for byte in text.description.utf8 { try expect(byte) }
        return value
    }

    private mutating func value(depth: Int) throws(Failure) -> JSONValue {
        guard depth <= Self.maximumDepth else { throw failure(.tooDeep) }
        elements += 1
        guard elements <= Self.maximumElements else { throw failure(.tooManyElements) }
        switch try peek() {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw failure(.unexpectedByte)
        }
    }

    private mutating func object(depth: Int) throws(Failure) -> JSONObject {
        try expect(UInt8(ascii: "{"))
        skipWhitespace()
        var members: [JSONObject.Member] = []
        var seen: Set<String> = []
        if try peek() == UInt8(ascii: "}") {
            position += 1
            return JSONObject()
        }
        while true {
            skipWhitespace()
            let name = try string()
            // A set only once the object is large: for a few members a scan is quicker than hashing.
            let duplicate: Bool
            if members.count < 12 {
                duplicate = members.contains { $0.name == name }
            } else {
                if seen.isEmpty { seen = Set(members.lazy.map(\.name)) }
                duplicate = !seen.insert(name).inserted
            }
            guard !duplicate else { throw failure(.duplicateName) }
            skipWhitespace()
            try expect(UInt8(ascii: ":"))
            skipWhitespace()
            members.append(.init(name: name, value: try value(depth: depth + 1)))
            skipWhitespace()
            if try peek() == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try expect(UInt8(ascii: "}"))
            return JSONObject(unique: members)
        }
    }

    private mutating func array(depth: Int) throws(Failure) -> [JSONValue] {
        try expect(UInt8(ascii: "["))
        skipWhitespace()
        if try peek() == UInt8(ascii: "]") {
            position += 1
            return []
        }
        var result: [JSONValue] = []
        while true {
            skipWhitespace()
            result.append(try value(depth: depth + 1))
            skipWhitespace()
            if try peek() == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try expect(UInt8(ascii: "]"))
            return result
        }
    }

    private mutating func string() throws(Failure) -> String {
        try expect(UInt8(ascii: "\""))
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                let text = try decode(bytes[start..<position])
                position += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            guard byte >= 0x20 else { throw failure(.controlCharacter) }
            position += 1
        }
        throw failure(.unexpectedEnd)
    }

    private func decode(_ slice: ArraySlice<UInt8>) throws(Failure) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else { throw failure(.invalidUTF8) }
        return text
    }

    private mutating func escapedString(from start: Int) throws(Failure) -> String {
        var content = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                let text = try decode(content[...])
                position += 1
                return text
            case UInt8(ascii: "\\"):
                position += 1
                content.append(contentsOf: try escape())
            default:
                guard byte >= 0x20 else { throw failure(.controlCharacter) }
                content.append(byte)
                position += 1
            }
        }
        throw failure(.unexpectedEnd)
    }

    private mutating func escape() throws(Failure) -> [UInt8] {
        let byte = try peek()
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(Character(try unicodeEscape())).utf8)
        default: throw failure(.badEscape)
        }
    }

    private mutating func unicodeEscape() throws(Failure) -> Unicode.Scalar {
        let first = try fourHexDigits()
        // U+0000 truncates strings in C consumers further down the line.
        guard first != 0 else { throw failure(.controlCharacter) }
        guard (0xD800...0xDFFF).contains(first) else {
            guard let scalar = Unicode.Scalar(first) else { throw failure(.loneSurrogate) }
            return scalar
        }
        guard first < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        else { throw failure(.loneSurrogate) }
        position += 2
        let second = try fourHexDigits()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        else { throw failure(.loneSurrogate) }
        return scalar
    }

    private mutating func fourHexDigits() throws(Failure) -> UInt32 {
        var result: UInt32 = 0
        for _ in 0..<4 {
            let byte = try peek()
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw failure(.badEscape)
            }
            result = result << 4 | UInt32(digit)
            position += 1
        }
        return result
    }

    private mutating func digits() throws(Failure) {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(try peek()) else { throw failure(.unexpectedByte) }
        while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
    }

    private mutating func number() throws(Failure) -> JSONValue {
        let start = position
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        if try peek() == UInt8(ascii: "0") { position += 1 } else { try digits() }
        var isInteger = true
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            try digits()
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            position += 1
            if [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(try peek()) { position += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let value = Int64(text), JSONValue.safeIntegers.contains(value), text != "-0" {
            return .integer(value)
        }
        guard let value = Double(text), value.isFinite else { throw failure(.numberOutOfRange) }
        return JSONValue(normalising: value)
    }
}

extension JSONValue {
    /// The integers that every JSON implementation reads alike. Source: RFC 7493 section 2.2.
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
