// Numbers (RFC 8259 section 6).
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

    mutating func number(_ input: Span<UInt8>) throws(Failure) -> JSONValue {
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
