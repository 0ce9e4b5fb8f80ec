/// The one form in which a `resource` is accepted.
///
/// Source: RFC 8707 section 2, RFC 3986.
///
/// A target may be found by the beginning of a resource, so a spelling that means another place than it seems to would
/// reach the wrong target. Odd ones are refused, never folded.
enum ResourceURI {
    static let maximumLength = 2048

    /// Whether `text` is an absolute URI without fragment, user information, dot segments, empty segments, encoded
    /// dots, slashes or backslashes, or characters that RFC 3986 excludes.
    static func isAcceptable(_ text: [UInt8]) -> Bool {
        guard text.count <= maximumLength, text.allSatisfy(isURICharacter),
            let colon = text.firstIndex(of: UInt8(ascii: ":")),
            isScheme(text[..<colon])
        else { return false }
        var rest = text[(colon + 1)...]
        guard !rest.isEmpty, hasPlainEscapes(rest) else { return false }
        if rest.starts(with: "//".utf8) {
            rest = rest.dropFirst(2)
            let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
            let authority = rest[..<end]
            guard !authority.isEmpty, !authority.contains(UInt8(ascii: "@")), !authority.contains(UInt8(ascii: "%"))
            else { return false }
            rest = rest[end...]
        }
        return hasPlainSegments(rest.prefix { $0 != UInt8(ascii: "?") })
    }

    private static func isURICharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "#"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"),
            UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
            false
        default: (0x21...0x7E).contains(byte)
        }
    }

    private static func isScheme(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, isLetter(first) else { return false }
        return bytes.allSatisfy {
            isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "+-.".utf8.contains($0)
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    /// Every `%` has two digits and stands for no control character, dot, slash, backslash or percent sign.
    ///
    /// A sign in place of the first digit gives a value below 0x20 at most.
    private static func hasPlainEscapes(_ bytes: ArraySlice<UInt8>) -> Bool {
        var index = bytes.startIndex
        while let percent = bytes[index...].firstIndex(of: UInt8(ascii: "%")) {
            guard percent + 2 < bytes.endIndex,
                let value = UInt8(String(decoding: bytes[(percent + 1)...(percent + 2)], as: UTF8.self), radix: 16),
                value >= 0x20, value != 0x7F, !"./\\%".utf8.contains(value)
            else { return false }
            index = percent + 3
        }
        return true
    }

    private static func hasPlainSegments(_ path: ArraySlice<UInt8>) -> Bool {
        var segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        // What stands before the first slash and after the last may be empty, nothing in between.
        if segments.first?.isEmpty == true { segments.removeFirst() }
        if segments.last?.isEmpty == true { segments.removeLast() }
        return segments.allSatisfy {
            !$0.isEmpty && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8)
        }
    }
}
