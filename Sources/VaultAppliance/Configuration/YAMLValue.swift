/// A YAML document reduced to what a configuration needs: texts, lists and mappings, each with its line.
indirect enum YAMLValue {
    /// A scalar; plain when it stands without quotes, and may then be a number or a Boolean.
    case scalar(String, isPlain: Bool, line: Int)
    /// A list.
    case list([YAMLValue], line: Int)
    /// A mapping; names are unique.
    case mapping([Member], line: Int)
    /// Something whose fault has been reported; reading it reports nothing more.
    case faulty(line: Int)

    /// One name and its value.
    struct Member {
        let name: String
        /// Where the name stands; a nested value may begin on a later line.
        let line: Int
        let value: YAMLValue
    }

    /// The kind, for faults.
    var kind: String {
        switch self {
        case .scalar(_, isPlain: false, _): "text"
        case .scalar(let text, isPlain: true, _): YAMLValue.kind(ofPlain: text)
        case .list: "a list"
        case .mapping: "a mapping"
        case .faulty: "faulty"
        }
    }

    var line: Int {
        switch self {
        case .scalar(_, _, let line), .list(_, let line), .mapping(_, let line), .faulty(let line): line
        }
    }

    /// What a scalar without quotes is.
    ///
    /// Source: YAML 1.2.2 section 10.3.2 (core schema).
    static func kind(ofPlain text: String) -> String {
        switch text {
        case "", "~", "null", "Null", "NULL": return "nothing"
        case "true", "True", "TRUE", "false", "False", "FALSE": return "a Boolean"
        default: break
        }
        let unsigned = text.utf8.first.map { "+-".utf8.contains($0) } == true ? String(text.dropFirst()) : text
        let isPrefixed = unsigned.hasPrefix("0x") || unsigned.hasPrefix("0o")
        let isSpecial = [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"].contains(unsigned)
        let isDecimal = unsigned.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        if isDecimal, !unsigned.isEmpty { return "a number" }
        let first = unsigned.utf8.first ?? 0
        let beginsLikeNumber = first == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
        return isSpecial || isPrefixed || (beginsLikeNumber && Double(unsigned) != nil) ? "a number" : "text"
    }
}
