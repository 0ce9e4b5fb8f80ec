import ArgumentParser
import StrictEncoding

/// `fuzz`: mutated inputs for one parser, for a while.
struct Fuzz: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Feed a parser with mutated inputs and check what it accepts.",
        discussion: """
            Every run follows from its seed. A crash or a broken promise ends it; the input is then printed as base64url. \
            Exits 0 when there was none.
            """)

    @Argument(help: "json, jws, form, authorization-details or token-request.") var parser: FuzzParser
    @Option(help: "How long, in seconds.") var seconds = 10
    @Option(help: "Where the run begins.") var seed: UInt64 = 1

    func validate() throws {
        guard (1...86_400).contains(seconds) else { throw ValidationError("--seconds must be 1 to 86400") }
    }

    func run() throws {
        var mutator = FuzzMutator(seed: seed)
        var corpus = parser.corpus
        let end = ContinuousClock.now + .seconds(seconds)
        var (count, accepted) = (0, 0)
        // The clock is read once in a thousand, so that it is not what is measured.
        while count % 1000 != 0 || ContinuousClock.now < end {
            let input = mutator.next(from: corpus)
            count += 1
            guard try parses(input) else { continue }
            accepted += 1
            // What is accepted is worth changing further; a few hundred are enough.
            if input.count < 4096 {
                if corpus.count < 512 { corpus.append(input) } else { corpus[count % 512] = input }
            }
        }
        print("\(parser.rawValue): \(count) executions, \(accepted) accepted, nothing found (seed \(seed))")
    }

    private func parses(_ input: [UInt8]) throws -> Bool {
        do {
            return try parser.parse(input)
        } catch {
            throw DevelopmentFailure("\(parser.rawValue) \(error): \(Base64URL.string(input))")
        }
    }
}

/// Why a run of `fuzz` ended.
private struct DevelopmentFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
