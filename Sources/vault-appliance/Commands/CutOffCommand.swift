import ArgumentParser
import CoreProtocol
import Custody
import Foundation
import StrictEncoding
import VaultAppliance
import VaultCore

/// `cutoff`: stops a user, agent, gateway or provider at once, for people on call.
struct CutOffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cutoff",
        abstract: "Cut off a user, agent, gateway or provider for a time, under your own SSH key.",
        discussion: """
            The command shows what it is about to do, has ssh-keygen sign it with your key, and hands it to the core. It is \
            in force, and in the audit log under your name, when the command returns. It ends by itself: people on call may \
            only narrow, so nothing here ends one early.

            With your key on another machine: --write FILE here, then there
              ssh-keygen -Y sign -f KEY -n cutoff@vault-appliance FILE
            and back here --submit FILE, with FILE.sig beside it, within five minutes.

            Names are those of the audit log: a user's is the sub of our tokens. With --issuer NAME, an issuer of the \
            configuration, give the name as that issuer writes it. Exits 0 when it is in force.
            """)

    @OptionGroup var options: ConfigurationOption
    @Option(help: "A user, wherever the name stands: as the subject or in a chain of actors.") var user: String?
    @Option(help: "An agent, wherever the name stands.") var agent: String?
    @Option(help: "A gateway or another client, by its id in the configuration.") var gateway: String?
    @Option(help: "A provider or another target, by its name in the configuration or by its audience.")
    var provider: String?
    @Option(help: "Configured name of the user's or agent's issuer; left out, whoever bears the name.")
    var issuer: String?
    @Option(name: .customLong("for"), help: "How long: 60s to 168h, like 30m or 4h.") var duration: String?
    @Option(help: "Why, in your own words; stands in the audit log.") var reason: String?
    @Option(
        help: "Your SSH key: a private key, or a public key whose private half your agent holds.", completion: .file())
    var key: String?
    @Option(
        help: "Write the statement to a new file, to be signed elsewhere, and do nothing else.", completion: .file())
    var write: String?
    @Option(help: "Hand in a statement that was signed elsewhere.", completion: .file()) var submit: String?
    @Flag(help: "Show what is cut off now.") var list = false
    @Flag(help: "Print JSON for machines.") var json = false

    func validate() throws {
        let modes = [list, submit != nil, !subjects.isEmpty].filter { $0 }.count
        guard modes == 1, subjects.count <= 1 else {
            throw ValidationError("give exactly one of --user, --agent, --gateway, --provider, --submit and --list")
        }
        guard !subjects.isEmpty else { return }
        guard let duration else { throw ValidationError("--for is missing: how long?") }
        guard let seconds = Self.seconds(duration), CutOffStatement.durations.contains(seconds) else {
            throw ValidationError("--for: must be 60s to 168h, like 30m or 4h")
        }
        guard reason?.isEmpty == false else { throw ValidationError("--reason is missing: the log asks why") }
        guard (key != nil) != (write != nil) else {
            throw ValidationError("give --key to sign here, or --write to sign elsewhere")
        }
        guard issuer == nil || user != nil || agent != nil else {
            throw ValidationError("--issuer belongs to --user and --agent")
        }
    }

    func run() async throws {
        let configuration = try Configuration.load(file: options.config)
        let socket = configuration.core.adminSocket
        if list { return try await show(socket) }
        if let submit {
            let (statement, signature) = (try Self.read(submit), try Self.read(submit + ".sig"))
            return try await handIn(statement, signature, socket)
        }
        let statement = try await statement(configuration)
        if let write {
            try Data(statement.bytes).write(to: URL(filePath: write), options: .withoutOverwriting)
            print("sign it: ssh-keygen -Y sign -f KEY -n \(CutOffStatement.namespace) \(write)")
            print("then:    vault-appliance cutoff --config \(options.config) --submit \(write)")
            return
        }
        guard let key else { return }
        let until = UnixTime(seconds: statement.until).rfc3339
        FileHandle.standardError.write(Data("to cut off: \(Self.words(statement)) until \(until)\n".utf8))
        let signature = try SSHKeygen.sign(statement.bytes, key: key, namespace: CutOffStatement.namespace)
        try await handIn(String(decoding: statement.bytes, as: UTF8.self), signature, socket)
    }

    private var subjects: [(CutOff.Kind, String)] {
        [(CutOff.Kind.user, user), (.agent, agent), (.client, gateway), (.target, provider)]
            .compactMap { kind, name in name.map { (kind, $0) } }
    }

    private func statement(_ configuration: Configuration) async throws -> CutOffStatement {
        guard let (kind, given) = subjects.first, let duration = duration.flatMap({ Self.seconds($0) }) else {
            throw ValidationError("--for is missing: how long?")
        }
        var (name, issuerString): (String, String?) = (given, nil)
        if let issuer {
            guard let known = configuration.issuers.first(where: { $0.name == issuer }) else {
                throw ValidationError("--issuer: the configuration has no issuer \(issuer)")
            }
            try Self.check(known, has: kind, configuration)
            issuerString = known.issuer
            name = (known.subjectPrefix ?? "") + name
        }
        if kind == .client, !configuration.clients.contains(where: { $0.id == name }) {
            throw ValidationError("--gateway: the configuration has no client \(name)")
        }
        if kind == .target, !configuration.targets.contains(where: { [$0.name, $0.audience].contains(name) }) {
            throw ValidationError("--provider: the configuration has no target \(name), nor one of that audience")
        }
        let core = try await AdminClient.describe(socket: configuration.core.adminSocket)
        return CutOffStatement(
            appliance: core.appliance, kind: kind, name: name, issuer: issuerString, duration: duration,
            nonce: randomHexadecimal(16), reason: reason ?? "", now: systemClock())
    }

    /// A cut-off that can meet nobody would be believed to hold.
    private static func check(
        _ issuer: Configuration.Issuer, has kind: CutOff.Kind, _ configuration: Configuration
    ) throws {
        let has =
            kind == .user
            ? issuer.roles.contains(.subject) || issuer.roles.contains(.partner)
            : configuration.agentIssuers.contains(issuer.name)
        guard has else {
            throw ValidationError(
                "--issuer: \(issuer.name) is no issuer of \(kind.rawValue)s: name one that is, or none")
        }
    }

    private static func words(_ statement: CutOffStatement) -> String {
        "\(statement.kind.rawValue) \(statement.name)" + (statement.issuer.map { " of \($0)" } ?? "")
    }

    private func handIn(_ statement: String, _ signature: String, _ socket: String) async throws {
        let answer = try await AdminClient.call(
            ["command": "cutoff", "statement": .string(statement), "signature": .string(signature)], socket: socket)
        if json {
            print(String(decoding: JSONWriter.canonical(answer), as: UTF8.self))
        } else {
            let object = answer.object
            let words = Self.words(try CutOffStatement(parsing: Array(statement.utf8)))
            print(
                "\(words): cut off until \(object?["until"]?.string ?? "-"); audit log entry "
                    + "\(object?["leaf"]?.integer ?? -1)")
        }
    }

    private func show(_ socket: String) async throws {
        let answer = try await AdminClient.call(["command": "cutoffs"], socket: socket)
        if json { return print(String(decoding: JSONWriter.canonical(answer), as: UTF8.self)) }
        let cutOffs = answer.object?["cutoffs"]?.array ?? []
        if cutOffs.isEmpty { print("nothing is cut off") }
        for cutOff in cutOffs.compactMap(\.object) { print(Self.line(cutOff)) }
    }

    private static func line(_ cutOff: JSONObject) -> String {
        func text(_ name: String) -> String? { cutOff[name]?.string }
        var line = "\(text("cut_off") ?? "-") \(text("name") ?? "-")"
        if let issuer = text("issuer") { line += " of \(issuer)" }
        if let time = text("sessions_up_to") { line += ", sessions up to \(time)," }
        line += " until \(text("until") ?? "-")"
        if let person = text("by") { line += ", by \(person)" }
        if let reason = text("reason") { line += ": \(reason)" }
        return line
    }

    private static func seconds(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600]
        guard let unit = text.last.flatMap({ units[$0] }), text.utf8.count <= 8, let number = Int64(text.dropLast()),
            number > 0
        else { return nil }
        return number * unit
    }

    private static func read(_ path: String) throws -> String {
        guard let text = try? String(contentsOf: URL(filePath: path), encoding: .utf8) else {
            throw CommandFailure("\(path): cannot be read")
        }
        return text
    }
}

/// The person's own OpenSSH: it asks for a passphrase, a touch or a PIN as the key wants it.
enum SSHKeygen {
    /// An armored signature over `message` (OpenSSH PROTOCOL.sshsig).
    static func sign(_ message: [UInt8], key: String, namespace: String) throws -> String {
        let directory = FileManager.default.temporaryDirectory.appending(path: "vault-cutoff-\(randomHexadecimal(8))")
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appending(path: "statement")
        try Data(message).write(to: file)
        do {
            return String(
                decoding: try Custody.SSHKeygen.sign(file: file.path, key: key, namespace: namespace), as: UTF8.self)
        } catch {
            throw CommandFailure("no signature was made with \(key): \(error.reason)")
        }
    }
}
