// Strings (RFC 8259 section 7).
extension JSONParser {
    mutating func string(_ input: Span<UInt8>) throws(Failure) -> String {
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

    func decode(_ text: Span<UInt8>) throws(Failure) -> String {
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
