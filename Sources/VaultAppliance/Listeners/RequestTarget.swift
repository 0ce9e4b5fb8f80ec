/// Checks the target of a request before anything is looked up by it.
///
/// What could be read in two ways is refused, never rewritten (CVE-2026-3605).
enum RequestTarget {
    /// Escapes of NUL, `%`, `.`, `/` and `\`, which name the same thing twice or hide a segment.
    private static let refusedEscapes: Set<UInt8> = [0x00, 0x25, 0x2E, 0x2F, 0x5C]

    /// The path of a target in origin form.
    ///
    /// Source: RFC 9112 section 3.2.1.
    static func path(of target: String?) throws(Refusal) -> String {
        guard let target else { throw .badTarget }
        let path = Array(target.utf8.prefix { $0 != UInt8(ascii: "?") })
        guard path.first == UInt8(ascii: "/"), path.allSatisfy({ 0x21...0x7E ~= $0 }), !path.contains(where: isRefused),
            escapesAreAccepted(path), segmentsAreAccepted(path)
        else { throw .badTarget }
        return String(decoding: path, as: UTF8.self)
    }

    private static func isRefused(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "#") }

    private static func escapesAreAccepted(_ path: [UInt8]) -> Bool {
        var index = 0
        while index < path.count {
            if path[index] == UInt8(ascii: "%") {
                guard index + 2 < path.count, let high = hexValue(path[index + 1]), let low = hexValue(path[index + 2]),
                    !refusedEscapes.contains(high << 4 | low)
                else { return false }
            }
            index += 1
        }
        return true
    }

    private static func hexValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// No empty segment but the last, and none that is `.` or `..`.
    private static func segmentsAreAccepted(_ path: [UInt8]) -> Bool {
        let segments = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return segments.dropLast().allSatisfy { !$0.isEmpty }
            && segments.allSatisfy { !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8) }
    }
}
