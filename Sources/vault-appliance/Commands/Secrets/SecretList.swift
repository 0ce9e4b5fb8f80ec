import ArgumentParser
import Custody
import StrictEncoding
import VaultAppliance

/// `secret list`: names and versions, never values.
struct SecretList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the sealed secrets: names, versions, who sealed them; never a value.")

    @OptionGroup var options: ConfigurationOption
    @Flag(help: "Print JSON for machines.") var json = false

    func run() async throws {
        let socket = try Configuration.load(file: options.config).core.adminSocket
        let answer = try await AdminClient.call(["command": "secret-list"], socket: socket)
        if json { return print(String(decoding: JSONWriter.canonical(answer), as: UTF8.self)) }
        let secrets = answer.object?["secrets"]?.array?.compactMap(\.object) ?? []
        if secrets.isEmpty { print("no secret is sealed") }
        for secret in secrets {
            let by = secret["by"]?.string.map { ", by \($0)" } ?? ", unsigned"
            print(
                "\(secret["name"]?.string ?? "-")  version \(secret["version"]?.integer ?? 0)  "
                    + "\(secret["time"]?.string ?? "-")\(by)")
            if let problem = secret["problem"]?.string { print("  cannot be opened: \(problem)") }
        }
        guard secrets.allSatisfy({ $0["problem"]?.string == nil }) else {
            throw CommandFailure("some secrets cannot be opened; see docs/operating.md, \"Sealed secrets\"")
        }
    }
}

/// `secret remove`: a secret that is not to be opened any more.
struct SecretRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove a secret: from now on nothing opens it, whatever files there are.")

    @OptionGroup var options: ConfigurationOption
    @Argument(help: "Name of the secret.") var name: String
    @Option(help: "Your SSH key, of a custodian or approver.", completion: .file()) var key: String?
    @OptionGroup var home: CustodianHomeOption
    // base64url: it may begin with a hyphen.
    @Option(
        parsing: .unconditional,
        help: "The genesis hash as you know it from the ceremony, where you have no pin of the appliance.")
    var genesis: String?
    @Flag(help: "Print JSON for machines.") var json = false

    func validate() throws { try SealingOptions.check(name) }

    func run() async throws {
        let configuration = try Configuration.load(file: options.config)
        let socket = configuration.core.adminSocket
        let known = try await AdminClient.call(["command": "secret-version", "name": .string(name)], socket: socket)
        guard let version = known.object?["version"]?.integer, version > 0 else {
            throw CommandFailure("no secret \(name) was ever sealed: see secret list")
        }
        let manifest = try await SecretManifest.fetch(configuration, home: home.value, genesis: genesis)
        let signer = try SecretSigner(key: key, manifest: manifest)
        let removal = SecretRemoval(name: name, version: version, appliance: manifest.appliance)
        let answer = try await AdminClient.call(
            [
                "command": "secret-remove", "name": .string(name), "version": .integer(removal.version),
                "appliance": .string(removal.appliance),
                "signature": try signer.sign(removal.bytes).map { .string($0) } ?? .null,
            ], socket: socket)
        if json { return print(String(decoding: JSONWriter.canonical(answer), as: UTF8.self)) }
        print("removed \(name); audit log entry \(answer.object?["leaf"]?.integer ?? -1)")
    }
}
