/// The form in which the `htu` of a proof and the URI of a request are compared.
///
/// Source: RFC 9449 section 4.3 (9), RFC 3986 sections 6.2.2 and 6.2.3.
enum TargetURI {
    private static let maximumLength = 2048

    /// Scheme and host in lower case, no default port, escapes in one form, without query and fragment.
    ///
    /// Nil for what is no absolute http or https URI, and for user information and dot segments: they are refused and
    /// not folded.
    static func normalised(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        guard bytes.count <= maximumLength, bytes.allSatisfy({ (0x21...0x7E).contains($0) }),
            let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        let scheme = String(decoding: lowered(bytes[..<colon]), as: UTF8.self)
        guard let port = ["https": "443", "http": "80"][scheme] else { return nil }
        var rest = bytes[(colon + 1)...]
        guard rest.starts(with: "//".utf8) else { return nil }
        rest = rest.dropFirst(2).prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        let split = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
        guard let authority = authority(rest[..<split], defaultPort: port), let path = path(rest[split...]) else {
            return nil
        }
        return "\(scheme)://\(authority)\(path)"
    }

    private static func lowered(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }

    private static func authority(_ bytes: ArraySlice<UInt8>, defaultPort: String) -> String? {
        guard !bytes.isEmpty, !bytes.contains(UInt8(ascii: "@")), !bytes.contains(UInt8(ascii: "%")),
            !bytes.contains(UInt8(ascii: "\\"))
        else { return nil }
        let text = String(decoding: lowered(bytes), as: UTF8.self)
        for suffix in [":\(defaultPort)", ":"] where text.hasSuffix(suffix) {
            return String(text.dropLast(suffix.count))
        }
        return text
    }

    private static func path(_ bytes: ArraySlice<UInt8>) -> String? {
        guard !bytes.isEmpty else { return "/" }
        var path: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            var byte = bytes[index]
            index += 1
            guard byte == UInt8(ascii: "%") else {
                path.append(byte)
                continue
            }
            guard index + 1 < bytes.endIndex, let high = digit(bytes[index]), let low = digit(bytes[index + 1]) else {
                return nil
            }
            byte = high << 4 | low
            if isUnreserved(byte) {
                path.append(byte)
            } else {
                path += [UInt8(ascii: "%")] + lowered(bytes[index...index + 1]).map { $0 > 0x60 ? $0 & 0xDF : $0 }
            }
            index += 2
        }
        let segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard segments.allSatisfy({ !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8) }) else { return nil }
        return String(decoding: path, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "-._~".utf8.contains(byte)
        }
    }
}
