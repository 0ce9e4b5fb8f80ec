import ArgumentParser
import Custody
import StrictEncoding

/// `ceremony hand-in`: brings what a custodian's computer has wrapped to the import that waits for it.
struct CeremonyHandIn: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hand-in", abstract: "Hand in the key that 'custodian wrap-key' has wrapped for an import.",
        discussion: """
            The file is good for the transport key of this import's open step alone, and holds nothing that anybody but the token
            could open. A key other than the plan's, or one that was wrapped for another transport key, is refused. Exits 0 when
            it was taken; then 'ceremony resume' goes on.
            """)

    @OptionGroup var ceremony: CeremonyOptions
    @Argument(help: "The file that 'custodian wrap-key' has written.", completion: .file()) var file: String

    func run() async throws {
        let bytes = try PrivateFile.readPublic(file, limit: WrappedKey.maximumBytes)
        let access = try ceremony.access()
        let id = JSONValue.string(ceremony.id)
        _ = try await access.call("ceremony-hand-in", ["id": id, "file": .string(Base64URL.string(bytes))])
        ceremony.console.show(try await access.call("ceremony-status", ["id": id]))
    }
}
