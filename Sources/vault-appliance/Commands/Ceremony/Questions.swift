import Foundation

/// Asks a person, one question a line; what is asked for is never a secret.
struct Questions {
    /// An answer, or the default where there is one and nothing was typed.
    func ask(_ question: String, default value: String? = nil, _ isAcceptable: (String) -> Bool = { !$0.isEmpty })
        throws -> String
    {
        while true {
            Terminal.note("\(question)\(value.map { " [\($0)]" } ?? ""):")
            guard let line = readLine() else { throw CommandFailure("the answers ended before the questions did") }
            let answer = line.trimmingCharacters(in: .whitespaces)
            let text = answer.isEmpty ? value ?? "" : answer
            if isAcceptable(text) { return text }
            Terminal.note("  That cannot be the answer; try again.")
        }
    }

    /// One of several words.
    func choose(_ question: String, _ words: [String]) throws -> String {
        try ask("\(question) (\(words.joined(separator: ", ")))", default: words[0]) { words.contains($0) }
    }

    /// As many answers as a person gives; an empty line ends them.
    func list(_ question: String) throws -> [String] {
        var answers: [String] = []
        while true {
            Terminal.note("\(question) (\(answers.count + 1); an empty line ends the list):")
            guard let line = readLine(), !line.trimmingCharacters(in: .whitespaces).isEmpty else { return answers }
            answers.append(line.trimmingCharacters(in: .whitespaces))
        }
    }
}
