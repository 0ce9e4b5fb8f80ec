/// The characters in which names are accepted.
///
/// Swift compares strings by canonical equivalence, in which U+212A KELVIN SIGN equals `K`. Within ASCII that is the
/// comparison of bytes; so whatever takes part in a decision is ASCII, or refused.
enum NameForm {
    /// The longest name.
    static let maximumLength = 512

    /// Visible ASCII: 0x21 to 0x7E.
    static func isName(_ text: String) -> Bool {
        (1...maximumLength).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// Visible ASCII with spaces inside, since directories name groups in words.
    static func isGroup(_ text: String) -> Bool {
        guard (1...maximumLength).contains(text.utf8.count), text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            return false
        }
        return text.utf8.first != 0x20 && text.utf8.last != 0x20
    }

    /// A scope-token of RFC 6749 section 3.3.
    static func isScope(_ text: String) -> Bool {
        isName(text) && !text.utf8.contains(UInt8(ascii: "\"")) && !text.utf8.contains(UInt8(ascii: "\\"))
    }

    /// Lower-case letters, digits, `.`, `_` and `-`.
    static func isID(_ text: String) -> Bool {
        guard (1...64).contains(text.utf8.count) else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }
}
