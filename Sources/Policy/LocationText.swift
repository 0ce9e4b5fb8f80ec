/// The one form in which a location is accepted.
///
/// Two spellings of one place would let a request slip past a denial or reach past a rule. So odd spellings are
/// refused, never folded: user information, upper case in a host or a dot at its end, default ports and zeros before
/// others, empty and dot segments (with parameters too), fragments, backslashes, and escapes of what needs none or of what
/// would change the path.
/// Source: RFC 3986 sections 2.3, 3, 5.2.4 and 6.2.
package enum LocationText {
    /// The longest location.
    package static let maximumLength = 2048

    /// Whether a location is in the accepted form: an absolute URI, or any other text without odd parts.
    package static func isAcceptable(_ text: String) -> Bool { isAcceptable(Array(text.utf8)) }

    static func isAcceptable(_ bytes: [UInt8]) -> Bool {
        guard (1...maximumLength).contains(bytes.count), bytes.allSatisfy(isAllowed) else { return false }
        var rest = bytes[...]
        if let colon = firstAuthority(in: bytes) {
            guard isScheme(bytes[..<colon]) else { return false }
            rest = bytes[(colon + 3)...]
            let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
            guard isAuthority(rest[..<end], scheme: bytes[..<colon]) else { return false }
            rest = rest[end...]
        }
        let question = rest.firstIndex(of: UInt8(ascii: "?")) ?? rest.endIndex
        return isPath(rest[..<question]) && hasWholeEscapes(rest[question...])
    }

    /// Visible ASCII without what RFC 3986 excludes from every URI, and without `#`.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        guard (0x21...0x7E).contains(byte) else { return false }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "#"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"),
            UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
            return false
        default: return true
        }
    }

    /// Index of the colon of the first `://` that is not part of a query.
    private static func firstAuthority(in bytes: [UInt8]) -> Int? {
        let slash = UInt8(ascii: "/")
        for index in bytes.indices.dropLast(2) {
            if bytes[index] == UInt8(ascii: "?") { return nil }
            if bytes[index] == UInt8(ascii: ":"), bytes[index + 1] == slash, bytes[index + 2] == slash { return index }
        }
        return nil
    }

    private static func isScheme(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, isLowerCase(first) else { return false }
        return bytes.allSatisfy { isLowerCase($0) || isDigit($0) || "+.-".utf8.contains($0) }
    }

    private static func isAuthority(_ bytes: ArraySlice<UInt8>, scheme: ArraySlice<UInt8>) -> Bool {
        let isPlain = bytes.allSatisfy { isLowerCase($0) || isDigit($0) || ".-_:[]".utf8.contains($0) }
        // The colons of an IPv6 address stand in brackets.
        let start = bytes.lastIndex(of: UInt8(ascii: "]")) ?? bytes.startIndex
        let colon = bytes[start...].firstIndex(of: UInt8(ascii: ":"))
        let host = bytes[..<(colon ?? bytes.endIndex)]
        guard isPlain, let last = host.last, last != UInt8(ascii: ".") else { return false }
        guard let colon else { return true }
        let port = bytes[(colon + 1)...]
        guard let first = port.first, first != UInt8(ascii: "0"), port.allSatisfy(isDigit) else { return false }
        switch String(decoding: scheme, as: UTF8.self) {
        case "https": return !port.elementsEqual("443".utf8)
        case "http": return !port.elementsEqual("80".utf8)
        default: return true
        }
    }

    private static func isPath(_ bytes: ArraySlice<UInt8>) -> Bool {
        var segments = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        // A leading slash gives an empty first part and a trailing one an empty last: both are fine, others are not.
        if segments.first?.isEmpty == true { segments.removeFirst() }
        if segments.last?.isEmpty == true { segments.removeLast() }
        return segments.allSatisfy { segment in
            // Some servers take a segment for what stands before its parameters.
            let name = segment.prefix { $0 != UInt8(ascii: ";") }
            return !segment.isEmpty && !name.elementsEqual(".".utf8) && !name.elementsEqual("..".utf8)
                && hasCanonicalEscapes(segment)
        }
    }

    /// Every `%` begins an escape in upper case of a character that needs one and that cannot change the path.
    private static func hasCanonicalEscapes(_ bytes: ArraySlice<UInt8>) -> Bool {
        escapes(in: bytes) { value, isUpperCase in
            let isControl = value < 0x20 || value == 0x7F
            let isPlain = isLowerCase(value | 0x20) || isDigit(value) || "-._~!$&'()*+,;=:@".utf8.contains(value)
            return isUpperCase && !isControl && !isPlain && !"/\\%?#".utf8.contains(value)
        }
    }

    private static func hasWholeEscapes(_ bytes: ArraySlice<UInt8>) -> Bool { escapes(in: bytes) { _, _ in true } }

    private static func escapes(in bytes: ArraySlice<UInt8>, satisfy test: (UInt8, Bool) -> Bool) -> Bool {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "%") {
                guard index + 2 < bytes.endIndex, let high = hexadecimal(bytes[index + 1]),
                    let low = hexadecimal(bytes[index + 2])
                else { return false }
                let isUpperCase = !isLowerCase(bytes[index + 1]) && !isLowerCase(bytes[index + 2])
                guard test(high << 4 | low, isUpperCase) else { return false }
                index += 2
            }
            index += 1
        }
        return true
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    private static func isLowerCase(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
