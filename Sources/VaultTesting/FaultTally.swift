/// What the fault module counted: calls by function and token, sessions by token.
package struct FaultTally: Sendable, Equatable {
    private var calls: [String: Int] = [:]
    private var sessions: [String: Int] = [:]

    /// Reads the text of a tally (docs/testing-hsm.md); lines it does not know are left out.
    package init(_ text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            switch words.first {
            case "calls":
                // A label may hold blanks, so it comes last.
                guard words.count == 4, let count = Int(words[1]) else { continue }
                calls["\(words[2]) \(words[3])"] = count
            case "sessions":
                guard words.count == 4, let open = Int(words[1]) else { continue }
                let label = words[3].split(separator: " ", maxSplits: 1).last.map(String.init) ?? ""
                sessions[label] = open
            default: continue
            }
        }
    }

    /// How often a function was called with a token.
    package func calls(of function: String, token: String) -> Int { calls["\(function) \(token)"] ?? 0 }

    /// Sessions of a token that are open.
    package func openSessions(token: String) -> Int { sessions[token] ?? 0 }
}
