/// Base 64 of the standard alphabet, in exactly one accepted form.
///
/// Source: RFC 4648 section 4.
///
/// Strictness matters here: a signature line that decodes to the same bytes from two texts would let a flipped byte of
/// a checkpoint go unnoticed.
package enum StandardBase64 {
    /// The encoded form, with padding unless it is not wanted.
    package static func string(_ bytes: some Collection<UInt8>, isPadded: Bool = true) -> String {
        var text = Base64URL.encode(bytes).map(toStandard)
        while isPadded, text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
        return String(decoding: text, as: UTF8.self)
    }

    /// The decoded bytes; nil for anything but what `string` would write with padding.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var digits = Array(text)
        while digits.last == UInt8(ascii: "="), text.count - digits.count < 2 { digits.removeLast() }
        // A wrong number of padding characters leaves a length that does not fit, which is refused as well.
        guard (4 - digits.count % 4) % 4 == text.count - digits.count else { return nil }
        return decodeUnpadded(digits)
    }

    /// The decoded bytes; nil for anything but what `string` would write without padding.
    package static func decodeUnpadded(_ digits: some Collection<UInt8>) -> [UInt8]? {
        guard !digits.contains(UInt8(ascii: "-")), !digits.contains(UInt8(ascii: "_")) else { return nil }
        return Base64URL.decode(digits.map(toURL))
    }

    private static func toStandard(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "-"): UInt8(ascii: "+")
        case UInt8(ascii: "_"): UInt8(ascii: "/")
        default: byte
        }
    }

    private static func toURL(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "+"): UInt8(ascii: "-")
        case UInt8(ascii: "/"): UInt8(ascii: "_")
        default: byte
        }
    }
}
