import ArgumentParser
import Custody
import HSMBridge
import StrictEncoding
import VaultAppliance

/// `secret`: values that the appliance keeps sealed, and opens for one recorded use at a time.
struct SecretCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "secret",
        abstract: "Seal, list, rotate and remove secrets that the appliance uses for providers.",
        discussion: """
            A value is encrypted before it leaves this command, to the tokens that the manifest names; the core opens it for \
            one recorded use at a time, and nobody else can. It comes from a file of yours alone, or is typed at the terminal.
            """,
        subcommands: [SecretSeal.self, SecretRotate.self, SecretList.self, SecretRemove.self])
}

/// What sealing takes, whichever way.
struct SealingOptions: ParsableArguments {
    @OptionGroup var options: ConfigurationOption
    @Argument(help: "Name of the secret: a-z, 0-9, '.', '_' and '-'.") var name: String
    @Option(
        help: "File with the value, mode 0600; one newline at its end is not part of it. Without it the terminal asks.",
        completion: .file())
    var file: String?
    @Option(
        help:
            "Your SSH key, of a custodian or approver: a private key, or a public one whose other half your agent has.",
        completion: .file())
    var key: String?
    @OptionGroup var home: CustodianHomeOption
    // base64url: it may begin with a hyphen.
    @Option(
        parsing: .unconditional,
        help: "The genesis hash as you know it from the ceremony, where you have no pin of the appliance.")
    var genesis: String?
    @Flag(help: "Print JSON for machines.") var json = false

    func validate() throws { try Self.check(name) }

    /// Refuses what is no secret's name.
    static func check(_ name: String) throws {
        guard Manifest.isName(name) else {
            throw ValidationError("\(name): a secret's name has 1 to 64 of a-z, 0-9, '.', '_' and '-'")
        }
    }

    /// Seals the value and hands it to the core.
    func seal(isRotation: Bool) async throws {
        try ProcessHygiene.apply()
        let configuration = try Configuration.load(file: options.config)
        let socket = configuration.core.adminSocket
        let manifest = try await SecretManifest.fetch(configuration, home: home.value, genesis: genesis)
        let signer = try SecretSigner(key: key, manifest: manifest)
        let version = try await next(socket)
        let value = try file.map { try Self.read($0) } ?? Self.typed(name)
        var envelope = try SealedSecret(
            sealing: value, name: name, version: version, appliance: manifest.appliance, manifest: manifest.version,
            recipients: try manifest.secretRecipients, now: systemClock())
        envelope.signature = try signer.sign(envelope.signedBytes)
        let answer = try await AdminClient.call(
            [
                "command": "secret-store", "rotate": .bool(isRotation),
                "envelope": .string(String(decoding: envelope.bytes, as: UTF8.self)),
            ], socket: socket)
        if json { return print(String(decoding: JSONWriter.canonical(answer), as: UTF8.self)) }
        print(
            "\(isRotation ? "rotated" : "sealed") \(name), version \(version), to \(envelope.keys.count) token(s); "
                + "audit log entry \(answer.object?["leaf"]?.integer ?? -1)")
    }

    /// The version after the newest; a name that was removed goes on counting.
    private func next(_ socket: String) async throws -> Int64 {
        let answer = try await AdminClient.call(["command": "secret-version", "name": .string(name)], socket: socket)
        return (answer.object?["version"]?.integer ?? 0) + 1
    }

    private static func read(_ path: String) throws -> LockedBytes {
        let bytes = try PrivateFile.read(path)
        let ends = bytes.withSpan { span in !span.isEmpty && span[span.count - 1] == UInt8(ascii: "\n") }
        return ends
            ? try LockedBytes(count: bytes.count - 1) { room in
                bytes.withSpan { span in
                    for index in room.indices { room[index] = span[index] }
                }
            } : bytes
    }

    /// Typed twice, without echo, straight into locked memory.
    private static func typed(_ name: String) throws -> LockedBytes {
        let first = try LockedBytes(typedAs: "Value of \(name)")
        guard first.hasSameBytes(as: try LockedBytes(typedAs: "Once more")) else {
            throw CommandFailure("the two values differ; nothing was sealed")
        }
        return first
    }
}

extension LockedBytes {
    /// Asks at the terminal, without echo.
    fileprivate convenience init(typedAs prompt: String) throws {
        let typed: PIN
        do {
            typed = try PIN(promptingAtTerminal: prompt)
        } catch {
            throw CommandFailure("no value: \(error). Give it with --file")
        }
        try self.init(count: typed.length) { room in
            // Safety: the typed bytes are lent for the length of the call.
            unsafe typed.withBytes { bytes in
                for index in 0..<typed.length { room[index] = unsafe bytes[index] }
            }
        }
    }
}

/// `secret seal`: a new secret.
struct SecretSeal: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seal", abstract: "Seal a new secret.",
        discussion: """
            Under quorum custody a custodian or approver signs it (--key), and the manifests are verified before anything is \
            encrypted to them: against your own pin of the appliance (--home), or the genesis hash that you know (--genesis).
            """)

    @OptionGroup var options: SealingOptions

    func run() async throws { try await options.seal(isRotation: false) }
}

/// `secret rotate`: another value for a secret that is there.
struct SecretRotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Give a secret another value; the old one cannot be opened any more.")

    @OptionGroup var options: SealingOptions

    func run() async throws { try await options.seal(isRotation: true) }
}
