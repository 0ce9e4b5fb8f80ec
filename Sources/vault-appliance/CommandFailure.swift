/// Why a command failed, in one line for the person who typed it.
struct CommandFailure: Error, CustomStringConvertible {
    private let text: String

    init(_ text: String) { self.text = text }

    /// In a terminal, broken between words behind the `Error: ` that the command line puts before it.
    var description: String {
        let (prefix, lines) = ("Error: ", Terminal.lines("Error: \(text)", hanging: 7))
        return String(lines.joined(separator: "\n").dropFirst(prefix.count))
    }
}
