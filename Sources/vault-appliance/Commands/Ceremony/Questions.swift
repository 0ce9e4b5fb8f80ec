import Foundation

/// Asks a person, one question a line; what is asked for is never a secret.
struct Questions {
    /// An answer, or the default where there is one and nothing was typed.
    func ask(_ question: String, default value: String? = nil, _ isAcceptable: (String) -> Bool = { !$0.isEmpty })
        throws -> String
    {
        while true {
            let text = "\(question)\(value.flatMap { $0.isEmpty ? nil : " [\($0)]" } ?? ""):"
            Terminal.lines(text, hanging: 2).forEach { Terminal.note($0) }
            guard let line = readLine() else { throw CommandFailure("the answers ended before the questions did") }
            let typed = line.trimmingCharacters(in: .whitespaces)
            let answer = typed.isEmpty ? value ?? "" : typed
            if isAcceptable(answer) { return answer }
            Terminal.note("  That cannot be the answer; try again.")
        }
    }

    /// One of several words.
    func choose(_ question: String, _ words: [String]) throws -> String {
        try ask("\(question) (\(words.joined(separator: ", ")))", default: words[0]) { words.contains($0) }
    }

    /// As many answers as a person gives; an empty line ends them.
    func list(_ question: String) throws -> [String] { try list(question) { $0 } }

    /// The same, each read at once: what cannot be is asked for again, and nobody begins anew for a slip.
    func list<Value>(_ question: String, _ read: (String) throws -> Value) throws -> [Value] {
        var values: [Value] = []
        while true {
            let text = "\(question) (\(values.count + 1); an empty line ends the list):"
            Terminal.lines(text, hanging: 2).forEach { Terminal.note($0) }
            guard let line = readLine()?.trimmingCharacters(in: .whitespaces), !line.isEmpty else { return values }
            do {
                values.append(try read(line))
            } catch {
                Terminal.note("  \(error)")
                Terminal.note("  Try again.")
            }
        }
    }
}
