import ArgumentParser
import Custody
import StrictEncoding

/// `ceremony approve`: hands in what custodians and witnesses have signed.
struct CeremonyApprove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve",
        abstract: "Hand in signatures of the plan, of the drafted manifest, or of the transcript's head.",
        discussion: """
            Each signature says by itself what it is for and whose it is; one of anything else, a stranger's or a second one \
            of the same person is refused and named, and the others still count. Exits 0 when all were accepted.
            """)

    @OptionGroup var ceremony: CeremonyOptions
    @Argument(help: "Files that ssh-keygen -Y sign or 'custodian approve' has made.", completion: .file())
    var signatures: [String]

    func run() async throws {
        let access = try ceremony.access()
        var failures = 0
        for file in signatures {
            do {
                let text = String(
                    decoding: try PrivateFile.readPublic(file, limit: SSHSignature.maximumBytes), as: UTF8.self)
                let answer = try await access.call(
                    "ceremony-sign", ["id": .string(ceremony.id), "signature": .string(text)])
                let object = answer.object
                if ceremony.json {
                    Terminal.print(json: answer)
                } else {
                    Terminal.say(
                        "taken      \(object?["person"]?.string ?? "-") has signed the \(object?["accepted"]?.string ?? "-")"
                    )
                }
            } catch {
                failures += 1
                Terminal.note("\(file): \(error)")
            }
        }
        if !ceremony.json {
            ceremony.console.showNext(try await access.call("ceremony-status", ["id": .string(ceremony.id)]))
        }
        guard failures == 0 else { throw ExitCode.failure }
    }
}

/// `ceremony status`: where ceremonies stand.
struct CeremonyStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Say where a ceremony stands and who is missing; without an id, list all.")

    @OptionGroup var options: ConfigurationOption
    @Argument(help: "The ceremony's id.") var id: String?
    @Flag(help: "Print JSON for machines.") var json = false
    @Flag(help: "Read the files of a custody directory although no core runs.") var offline = false

    func run() async throws {
        let isHere = offline || id?.hasPrefix("genesis-") ?? false
        let access = try CeremonyAccess(configuration: options.config, isGenesis: isHere)
        if let id {
            let progress = try await access.call("ceremony-status", ["id": .string(id)])
            return CeremonyConsole(isJSON: json, configuration: options.config).show(progress)
        }
        let answer = try await access.call("ceremonies")
        if json { return Terminal.print(json: answer) }
        for ceremony in (answer.object?["ceremonies"]?.array ?? []).compactMap(\.object) {
            print(
                "\(ceremony["id"]?.string ?? "-")  \(ceremony["state"]?.string ?? "-")  \(ceremony["purpose"]?.string ?? "-")"
            )
        }
    }
}
