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

/// `ceremony abort`: takes back what can be taken back.
struct CeremonyAbort: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abort", abstract: "Take a ceremony back and end it; the transcript says why and what remains.",
        discussion: """
            In a running core it takes the order of one custodian or approver: give --key to sign it here, or --write to have it \
            signed elsewhere and --submit to hand it in. A genesis, for which there is no core yet, takes --by alone.
            """)

    @OptionGroup var ceremony: CeremonyOptions
    @Option(help: "Why, in your own words.") var reason: String
    @Option(help: "Who decided it, where there is no core yet; by default the plan's administrator.") var by: String?
    @Option(help: "Your SSH key, as a custodian or an approver.", completion: .file()) var key: String?
    @Option(help: "Write the order to a new file, to be signed elsewhere, and do nothing else.", completion: .file())
    var write: String?
    @Option(help: "Hand in an order that was signed elsewhere, with its signature in FILE.sig.", completion: .file())
    var submit: String?

    func run() async throws {
        try ProcessHygiene.apply()
        let access = try ceremony.access()
        let id = JSONValue.string(ceremony.id)
        if let socket = access.socket {
            var signing = OrderOptions()
            (signing.key, signing.write, signing.submit) = (key, write, submit)
            try signing.validate()
            let command = "vault-appliance ceremony abort \(ceremony.id) --reason ..."
            guard let order = try await signing.order(.abort, ceremony.id, socket, command: command) else { return }
            let progress = try await access.call(
                "ceremony-abort",
                [
                    "id": id, "reason": .string(reason), "order": .string(order.file),
                    "signature": .string(order.signature),
                ])
            return ceremony.console.show(progress)
        }
        let status = try await access.call("ceremony-status", ["id": id])
        let person = by ?? status.object?["administrator"]?.string ?? "-"
        let progress = try await access.call(
            "ceremony-abort", ["id": id, "reason": .string(reason), "by": .string(person)])
        ceremony.console.show(progress)
    }
}

/// `ceremony note`: writes down something that no plan foresees.
struct CeremonyNote: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "note",
        abstract: "Write an exception into the transcript: what was expected, what happened, what was decided.")

    @OptionGroup var ceremony: CeremonyOptions
    @Option(help: "What was expected.") var expected: String
    @Option(help: "What happened.") var happened: String
    @Option(help: "What was decided.") var decided: String
    @Option(help: "Who decided it.") var by: String

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
