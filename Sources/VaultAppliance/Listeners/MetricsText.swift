/// Writes the text format 0.0.4 of Prometheus.
package struct MetricsText {
    /// What is written so far.
    package private(set) var bytes: [UInt8] = []

    /// The `HELP` and `TYPE` lines of a family.
    mutating func header(name: String, kind: String, help: String) {
        line("# HELP \(name) \(Self.escape(help, quote: false))")
        line("# TYPE \(name) \(kind)")
    }

    /// One sample line.
    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: String) {
        let list = labels.map { "\($0.0)=\"\(Self.escape($0.1, quote: true))\"" }.joined(separator: ",")
        line(list.isEmpty ? "\(name) \(value)" : "\(name){\(list)} \(value)")
    }

    /// A number as Go's parser reads it; whole numbers without a point.
    static func number(_ value: Double) -> String {
        if value == .infinity { return "+Inf" }
        if value == -.infinity { return "-Inf" }
        if value.isNaN { return "NaN" }
        if let whole = Int64(exactly: value) { return String(whole) }
        return value.description
    }

    private mutating func line(_ text: String) {
        bytes.append(contentsOf: text.utf8)
        bytes.append(UInt8(ascii: "\n"))
    }

    private static func escape(_ text: String, quote: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quote: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
