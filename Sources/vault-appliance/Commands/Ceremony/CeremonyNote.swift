import ArgumentParser
import StrictEncoding

/// `ceremony note`: writes down something that no plan foresees.
struct CeremonyNote: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "note",
        abstract: "Write an exception into the transcript: what was expected, what happened, what was decided.",
        discussion: """
            Nobody signs it. Transcript, audit log and report say which user of the admin socket wrote it down, and that the \
            name of --by is what that user said. Custodians who sign the transcript's head sign that they have read it.
            """)

    @OptionGroup var ceremony: CeremonyOptions
    @Option(help: "What was expected.") var expected: String
    @Option(help: "What happened.") var happened: String
    @Option(help: "What was decided.") var decided: String
    @Option(help: "Who decided it, as you say.") var by: String

    func run() async throws {
        let progress = try await ceremony.access().call(
            "ceremony-note",
            [
                "id": .string(ceremony.id), "expected": .string(expected), "happened": .string(happened),
                "decided": .string(decided), "by": .string(by),
            ])
        ceremony.console.show(progress)
    }
}
