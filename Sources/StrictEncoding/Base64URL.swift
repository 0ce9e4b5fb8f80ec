/// base64url without padding, in exactly one accepted form.
///
/// Source: RFC 7515 section 2, RFC 4648 section 5.
package enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    /// The value of each character; 0xFF, which no value reaches, for every other byte.
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xFF, count: 256)
        for (value, byte) in alphabet.enumerated() { table[Int(byte)] = UInt8(value) }
        return table
    }()

    /// The encoded form as ASCII bytes.
    package static func encode(_ input: some Collection<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        append(Array(input), to: &output)
        return output
    }

    /// The encoded form as a string.
    package static func string(_ input: some Collection<UInt8>) -> String {
        String(decoding: encode(input), as: UTF8.self)
    }

    /// Appends the encoded form of `input` to `output`.
    package static func append(_ input: [UInt8], to output: inout [UInt8]) {
        let bytes = input.span
        let letters = alphabet.span
        output.reserveCapacity(output.count + (bytes.count * 4 + 2) / 3)
        var index = 0
        while index + 2 < bytes.count {
            let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
            output.append(letters[Int(group >> 18)])
            output.append(letters[Int(group >> 12 & 63)])
            output.append(letters[Int(group >> 6 & 63)])
            output.append(letters[Int(group & 63)])
            index += 3
        }
        switch bytes.count - index {
        case 1:
            let group = UInt32(bytes[index]) << 4
            output.append(letters[Int(group >> 6)])
            output.append(letters[Int(group & 63)])
        case 2:
            let group = UInt32(bytes[index]) << 10 | UInt32(bytes[index + 1]) << 2
            output.append(letters[Int(group >> 12)])
            output.append(letters[Int(group >> 6 & 63)])
            output.append(letters[Int(group & 63)])
        default: break
        }
    }

    /// The decoded bytes; nil for padding, white space, other characters, a bad length or unused bits that are not zero.
    package static func decode(_ input: some Collection<UInt8>) -> [UInt8]? { decode(Array(input).span) }

    /// The decoded bytes of a part of a larger text; nil as above.
    package static func decode(_ input: ArraySlice<UInt8>) -> [UInt8]? { decode(input.span) }

    /// The decoded bytes of a string; nil as above.
    package static func decode(_ text: String) -> [UInt8]? { decode(Array(text.utf8).span) }

    private static func decode(_ input: Span<UInt8>) -> [UInt8]? {
        guard input.count % 4 != 1 else { return nil }
        let table = values.span
        var output: [UInt8] = []
        output.reserveCapacity(input.count * 3 / 4)
        var index = 0
        while index + 3 < input.count {
            let first = table[Int(input[index])]
            let second = table[Int(input[index + 1])]
            let third = table[Int(input[index + 2])]
            let fourth = table[Int(input[index + 3])]
            guard first | second | third | fourth < 64 else { return nil }
            output.append(first << 2 | second >> 4)
            output.append(second << 4 | third >> 2)
            output.append(third << 6 | fourth)
            index += 4
        }
        switch input.count - index {
        case 2:
            let first = table[Int(input[index])]
            let second = table[Int(input[index + 1])]
            guard first | second < 64, second & 0x0F == 0 else { return nil }
            output.append(first << 2 | second >> 4)
        case 3:
            let first = table[Int(input[index])]
            let second = table[Int(input[index + 1])]
            let third = table[Int(input[index + 2])]
            guard first | second | third < 64, third & 0x03 == 0 else { return nil }
            output.append(first << 2 | second >> 4)
            output.append(second << 4 | third >> 2)
        default: break
        }
        return output
    }
}
