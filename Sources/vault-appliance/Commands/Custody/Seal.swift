import ArgumentParser
import CoreProtocol
import Custody
import Foundation
import StrictEncoding
import VaultAppliance

/// An order of one person, signed with that person's own ssh-keygen, or to be signed elsewhere.
struct SignedOrder {
    let file: String
    let signature: String

    /// Has ssh-keygen sign an order for the core in this state.
    init(_ action: Order.Action, _ subject: String, reason: String = "", key: String, state: JSONObject) throws {
        let order = Self.order(action, subject, reason: reason, state: state)
        file = String(decoding: order.bytes, as: UTF8.self)
        signature = try SSHKeygen.sign(order.bytes, key: key, namespace: SignaturePurpose.order.namespace)
    }

    /// Reads an order that was signed elsewhere.
    init(submitting path: String) throws {
        file = String(decoding: try PrivateFile.readPublic(path, limit: 65_536), as: UTF8.self)
        signature = String(decoding: try PrivateFile.readPublic(path + ".sig", limit: 65_536), as: UTF8.self)
    }

    static func order(_ action: Order.Action, _ subject: String, reason: String, state: JSONObject) -> Order {
        Order(
            action: action, appliance: state["appliance"]?.string ?? "", instance: state["instance"]?.string ?? "",
            subject: subject, reason: reason, expires: systemClock().adding(seconds: 300),
            nonce: randomHexadecimal(16))
    }

    func command(_ name: String) -> JSONValue {
        ["command": .string(name), "order": .string(file), "signature": .string(signature)]
    }
}

/// The ways in which an order can get its signature; of the given ones exactly one is taken.
struct SigningChoice: ParsableArguments {
    @Option(
        help:
            "Your SSH key, as a custodian or an approver: a private key, or a public key whose other half your agent holds.",
        completion: .file())
    var key: String?
    @Option(help: "Write the order to a new file, to be signed elsewhere, and do nothing else.", completion: .file())
    var write: String?
    @Option(help: "Hand in an order that was signed elsewhere, with its signature in FILE.sig.", completion: .file())
    var submit: String?

    /// How many were given.
    var count: Int { [key, write, submit].compactMap { $0 }.count }

    /// Refuses none and several.
    func demandOne() throws {
        guard count == 1 else {
            throw ValidationError("give --key to sign here, --write to sign elsewhere, or --submit what was signed")
        }
    }

    /// The signed order; nil when it was only written.
    func order(
        _ action: Order.Action, _ subject: String, reason: String = "", _ socket: String, command: String
    ) async throws -> SignedOrder? {
        if let submit { return try SignedOrder(submitting: submit) }
        let state = try await Activate.progress(socket)
        if let key { return try SignedOrder(action, subject, reason: reason, key: key, state: state) }
        guard let write else { return nil }
        try PrivateFile.create(write, SignedOrder.order(action, subject, reason: reason, state: state).bytes)
        print("sign it within five minutes: ssh-keygen -Y sign -f KEY -n \(SignaturePurpose.order.namespace) \(write)")
        print("then:                        \(command) --submit \(write)")
        return nil
    }
}

/// How an order gets its signature.
struct OrderOptions: ParsableArguments {
    @OptionGroup var choice: SigningChoice

    func validate() throws { try choice.demandOne() }
}

/// `seal`: the core forgets its PINs, at once.
struct Seal: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make the core forget its PINs, at once, by one authorised person.",
        discussion: """
            Signing stops immediately; what was begun may finish within five seconds; then the core logs out of every token. The \
            log and both sockets stay. To bring it back: activate, with a quorum of custodians. Any custodian or approver may seal. \
            When a call hangs inside the PKCS#11 library the core's process ends (exit status 69) and the service manager starts it \
            anew, sealed. Exits 0 when the core is sealed.
            """)

    @OptionGroup var options: ConfigurationOption
    @OptionGroup var signing: OrderOptions
    @Flag(help: "Print JSON for machines.") var json = false

    func run() async throws {
        let socket = try Configuration.load(file: options.config).core.adminSocket
        let order = try await signing.choice.order(
            .seal, "", socket, command: "vault-appliance seal --config \(options.config)")
        guard let order else { return }
        let answer = try await AdminClient.call(order.command("seal"), socket: socket, within: .seconds(60))
        if json { return Terminal.print(json: answer) }
        print("sealed: nothing is signed until custodians activate the core again")
    }
}

/// `quarantine`: a key is taken out of use, at once.
struct Quarantine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take a key out of use, at once, by one authorised person.",
        discussion: """
            The key signs nothing more and leaves the published key set within a second, so tokens it has signed are refused as soon \
            as verifiers look again. Custodians decide what becomes of it by the ceremony change-key-state; until then every start of the \
            core keeps it in quarantine. Any custodian or approver may quarantine. Exits 0 when it is in force.
            """)

    @OptionGroup var options: ConfigurationOption
    @OptionGroup var signing: OrderOptions
    @Argument(help: "The key: its kid, or its label where one key alone has it.") var key: String
    @Flag(help: "Print JSON for machines.") var json = false

    func run() async throws {
        let socket = try Configuration.load(file: options.config).core.adminSocket
        let order = try await signing.choice.order(
            .quarantine, try await kid(socket), socket,
            command: "vault-appliance quarantine --config \(options.config) \(key)")
        guard let order else { return }
        let answer = try await AdminClient.call(order.command("quarantine"), socket: socket, within: .seconds(60))
        if json { return Terminal.print(json: answer) }
        print(
            "quarantined: \(answer.object?["label"]?.string ?? key), kid \(answer.object?["quarantined"]?.string ?? "-")"
        )
        print(
            "Next: custodians decide by a ceremony: vault-appliance ceremony plan change-key-state --config \(options.config)"
        )
    }

    /// What was typed, with a kid that begins with a hyphen behind `--`: it is base64url (RFC 7638), and would be taken for options.
    static func arguments(_ typed: [String]) -> [String] {
        guard typed.first == "quarantine", !typed.contains("--"),
            let place = typed.firstIndex(where: { $0.utf8.count == Self.kidBytes && $0.hasPrefix("-") })
        else { return typed }
        return typed[..<place] + typed[(place + 1)...] + ["--", typed[place]]
    }

    /// Length of a SHA-256 in base64url.
    private static let kidBytes = 43

    private func kid(_ socket: String) async throws -> String {
        let keys = try await AdminClient.describe(socket: socket).keys
        let found = keys.filter { $0.kid == key || $0.label == key }
        guard let first = found.first else { throw CommandFailure("\(key): the core has no such key; see status") }
        guard found.count == 1 else {
            throw CommandFailure("\(key): \(found.count) keys have this label; give one kid: see status --json")
        }
        return first.kid
    }
}
