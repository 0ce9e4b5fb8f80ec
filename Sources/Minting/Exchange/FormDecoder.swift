/// Takes one pair after another off a form body.
struct FormDecoder {
    private let body: [UInt8]
    private var position = 0

    init(_ body: [UInt8]) { self.body = body }

    var isAtEnd: Bool { position == body.count }

    private static var malformed: OAuthError { OAuthError(.invalidRequest, "the body is not a well-formed form") }

    /// The decoded name up to the next `=`.
    mutating func name() throws(OAuthError) -> String {
        let end = try scan(until: UInt8(ascii: "="))
        guard end.index < body.count else { throw Self.malformed }
        let bytes = try decode(upTo: end)
        guard (1...FormParameters.maximumNameLength).contains(bytes.count),
            bytes.allSatisfy({ (0x21...0x7E).contains($0) })
        else { throw Self.malformed }
        position = end.index + 1
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The decoded value up to the next `&`, which must have something after it, or to the end.
    mutating func value() throws(OAuthError) -> [UInt8] {
        let end = try scan(until: UInt8(ascii: "&"))
        let bytes = try decode(upTo: end)
        position = end.index
        guard !isAtEnd else { return bytes }
        position += 1
        guard !isAtEnd else { throw Self.malformed }
        return bytes
    }

    /// Where a part ends, and whether it stands for itself.
    private struct End {
        let index: Int
        let isPlain: Bool
    }

    /// Looks for `mark`; refuses `&` before it and every byte that encoders escape.
    private func scan(until mark: UInt8) throws(OAuthError) -> End {
        let input = body.span
        var isPlain = true
        for index in position..<input.count {
            let byte = input[index]
            if byte == mark { return End(index: index, isPlain: isPlain) }
            guard (0x21...0x7E).contains(byte), byte != UInt8(ascii: "&") else { throw Self.malformed }
            if byte == UInt8(ascii: "%") || byte == UInt8(ascii: "+") { isPlain = false }
        }
        return End(index: input.count, isPlain: isPlain)
    }

    private func decode(upTo end: End) throws(OAuthError) -> [UInt8] {
        // Tokens are plain, and most of a form is tokens.
        if end.isPlain { return Array(body[position..<end.index]) }
        let input = body.span
        var bytes: [UInt8] = []
        bytes.reserveCapacity(end.index - position)
        var isASCII = true
        var index = position
        while index < end.index {
            var byte = input[index]
            index += 1
            if byte == UInt8(ascii: "+") {
                byte = 0x20
            } else if byte == UInt8(ascii: "%") {
                guard index + 1 < end.index, let high = Self.digit(input[index]), let low = Self.digit(input[index + 1])
                else { throw Self.malformed }
                byte = high << 4 | low
                index += 2
                guard byte >= 0x20, byte != 0x7F else {
                    throw OAuthError(.invalidRequest, "the form holds a control character")
                }
                if byte >= 0x80 { isASCII = false }
            }
            bytes.append(byte)
        }
        guard isASCII || String(validating: bytes, as: UTF8.self) != nil else {
            throw OAuthError(.invalidRequest, "the form is not UTF-8")
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
