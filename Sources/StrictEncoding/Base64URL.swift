/// base64url without padding, in exactly one accepted form. Source: RFC 7515 section 2, RFC 4648 section 5.
package enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xFF, count: 256)
        for (value, byte) in alphabet.enumerated() { table[Int(byte)] = UInt8(value) }
        return table
    }()

    /// The encoded form as ASCII bytes.
    package static func encode(_ input: some Collection<UInt8>) -> [UInt8] {
        let bytes = Array(input)
        let alphabet = alphabet
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count * 4 + 2) / 3)
        var index = 0
        while index + 2 < bytes.count {
            let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
            output.append(alphabet[Int(group >> 18)])
            output.append(alphabet[Int(group >> 12 & 63)])
            output.append(alphabet[Int(group >> 6 & 63)])
            output.append(alphabet[Int(group & 63)])
            index += 3
        }
        switch bytes.count - index {
        case 1:
            let group = UInt32(bytes[index]) << 4
            output.append(alphabet[Int(group >> 6)])
            output.append(alphabet[Int(group & 63)])
        case 2:
            let group = UInt32(bytes[index]) << 10 | UInt32(bytes[index + 1]) << 2
            output.append(alphabet[Int(group >> 12)])
            output.append(alphabet[Int(group >> 6 & 63)])
            output.append(alphabet[Int(group & 63)])
        default: break
        }
        return output
    }

    /// The encoded form as a string.
    package static func string(_ input: some Collection<UInt8>) -> String {
        String(decoding: encode(input), as: UTF8.self)
    }

    /// The decoded bytes; nil for padding, white space, other characters, a bad length or unused bits that are not zero.
    package static func decode(_ input: some Collection<UInt8>) -> [UInt8]? {
        let count = input.count
        guard count % 4 != 1 else { return nil }
        let values = values
        var output: [UInt8] = []
        output.reserveCapacity(count * 3 / 4)
        var group: UInt32 = 0
        var bits = 0
        for byte in input {
            let value = values[Int(byte)]
            guard value != 0xFF else { return nil }
            group = group << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
            }
        }
        guard group & (1 << UInt32(bits) - 1) == 0 else { return nil }
        return output
    }

    /// The decoded bytes of a string; nil as above.
    package static func decode(_ text: String) -> [UInt8]? { decode(text.utf8) }
}
