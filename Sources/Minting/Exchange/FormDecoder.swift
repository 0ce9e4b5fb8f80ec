/// Takes one pair after another off a form body.
struct FormDecoder {
    private(set) var position = 0

    private static var malformed: OAuthError { OAuthError(.invalidRequest, "the body is not a well-formed form") }

    /// The decoded name up to the next `=`.
    mutating func name(_ input: Span<UInt8>) throws(OAuthError) -> String {
        let bytes = try decoded(input, until: UInt8(ascii: "="), not: UInt8(ascii: "&"))
        guard position < input.count, !bytes.isEmpty, bytes.count <= FormParameters.maximumNameLength,
            bytes.allSatisfy({ (0x21...0x7E).contains($0) })
        else { throw Self.malformed }
        position += 1
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The decoded value up to the next `&` or the end.
    mutating func value(_ input: Span<UInt8>) throws(OAuthError) -> [UInt8] {
        let bytes = try decoded(input, until: UInt8(ascii: "&"), not: nil)
        position += 1
        return bytes
    }

    /// The decoded bytes up to `end`, which is not read.
    private mutating func decoded(
        _ input: Span<UInt8>, until end: UInt8, not other: UInt8?
    ) throws(OAuthError) -> [UInt8] {
        var bytes: [UInt8] = []
        var isASCII = true
        while position < input.count, input[position] != end {
            var byte = input[position]
            switch byte {
            case other: throw Self.malformed
            case UInt8(ascii: "+"): byte = 0x20
            case UInt8(ascii: "%"):
                byte = try escape(input)
                position += 2
            case 0x21...0x7E: break
            default: throw Self.malformed
            }
            guard byte >= 0x20, byte != 0x7F else {
                throw OAuthError(.invalidRequest, "the form holds a control character")
            }
            isASCII = isASCII && byte < 0x80
            bytes.append(byte)
            position += 1
        }
        guard isASCII || String(validating: bytes, as: UTF8.self) != nil else {
            throw OAuthError(.invalidRequest, "the form is not UTF-8")
        }
        return bytes
    }

    private func escape(_ input: Span<UInt8>) throws(OAuthError) -> UInt8 {
        guard position + 2 < input.count, let high = Self.digit(input[position + 1]),
            let low = Self.digit(input[position + 2])
        else { throw Self.malformed }
        return high << 4 | low
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
