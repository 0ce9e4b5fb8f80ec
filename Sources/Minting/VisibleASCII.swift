/// The characters in which names are accepted: 0x21 to 0x7E.
///
/// Swift compares strings by canonical equivalence, in which U+212A KELVIN SIGN equals `K`. Within ASCII that is the
/// comparison of bytes; so every name that takes part in a decision is ASCII where it enters, or refused.
enum VisibleASCII {
    /// Whether `text` is a name of at most `maximum` bytes.
    static func isName(_ text: String, maximum: Int) -> Bool {
        let bytes = text.utf8.span
        guard bytes.count > 0, bytes.count <= maximum else { return false }
        for index in bytes.indices where bytes[index] < 0x21 || bytes[index] > 0x7E { return false }
        return true
    }

    /// Whether `text` is a name of at most `maximum` bytes, in which spaces may stand inside.
    ///
    /// For groups alone, since directories name them in words.
    static func isPhrase(_ text: String, maximum: Int) -> Bool {
        let bytes = text.utf8.span
        guard bytes.count > 0, bytes.count <= maximum else { return false }
        for index in bytes.indices where bytes[index] < 0x20 || bytes[index] > 0x7E { return false }
        return bytes[0] != 0x20 && bytes[bytes.count - 1] != 0x20
    }
}
