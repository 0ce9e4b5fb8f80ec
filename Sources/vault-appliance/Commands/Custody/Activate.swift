import ArgumentParser
import Custody
import Foundation
import StrictEncoding
import VaultAppliance

/// `activate`: custodians bring a sealed core to life.
struct Activate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask custodians for their shares, and wait until the core is active.",
        discussion: """
            Opens a request, or joins one that is open, writes it to a directory for the custodians, and shows the words to read \
            to them, who has contributed and who is missing. Each custodian runs `custodian contribute --request DIR` on a computer \
            of their own, or stock age and ssh-keygen (DIR/README says how), and sends two files back:
              vault-appliance activate --config FILE --submit NAME.age      (with NAME.age.sig beside it)

            Nobody here sees a share: it is encrypted to this one start of the core. The request runs out by itself. To close it \
            before: --cancel WORDS --key KEY. Exits 0 when the core is active.
            """)

    @OptionGroup var options: ConfigurationOption
    @Option(help: "The directory for the request; by default activation-WORDS here.", completion: .directory)
    var write: String?
    @Option(help: "How long a new request is open: 60s to 8h.") var lifetime: String = "30m"
    @Option(help: "Who you are, as it shall stand in the log; by default your login name.") var `operator`: String?
    @Option(help: "Hand in a contribution: FILE, with FILE.sig beside it. Can be repeated.", completion: .file())
    var submit: [String] = []
    @Option(help: "Close the request with these words, or this hash; needs --key.") var cancel: String?
    @Option(help: "Your SSH key, as a custodian or an approver; for --cancel.", completion: .file()) var key: String?
    @Flag(name: .customLong("new"), help: "Open a new request, even if one is open.") var isNew = false
    @Flag(help: "Open or join the request, and do not wait.") var noWait = false
    @Flag(help: "Print JSON for machines.") var json = false

    func validate() throws {
        guard (cancel != nil) == (key != nil) else { throw ValidationError("--cancel and --key belong together") }
        guard cancel == nil || submit.isEmpty else { throw ValidationError("give --cancel or --submit") }
        guard Self.seconds(lifetime) != nil else { throw ValidationError("--lifetime: like 30m, 60s to 8h") }
    }

    func run() async throws {
        let socket = try Configuration.load(file: options.config).core.adminSocket
        if let cancel { return try await close(cancel, socket) }
        if !submit.isEmpty { return try await handIn(socket) }
        let progress = try await Self.progress(socket)
        guard progress["state"]?.string != "active" else {
            if json { return Terminal.print(json: .object(progress)) }
            return print("the core is active already")
        }
        // A ceremony's request is its own: shares for a drill bring nothing to life.
        let open = OpenRequests(progress).activations.last
        let request: JSONObject
        if let open, !isNew { request = open } else { request = try await ask(socket) }
        let directory = try await files(of: request, socket)
        show(request, directory)
        guard !noWait else { return }
        try await ActivationWait(socket: socket, request: request["request"]?.string ?? "", json: json).run()
    }

    private func ask(_ socket: String) async throws -> JSONObject {
        let answer = try await AdminClient.call(
            [
                "command": "activation-request", "operator": .string(`operator` ?? NSUserName()),
                "lifetime": .integer(Self.seconds(lifetime) ?? 1800),
            ], socket: socket)
        let open = try await Self.progress(socket)["requests"]?.array?.compactMap(\.object) ?? []
        guard let request = open.first(where: { $0["request"] == answer.object?["hash"] }) else {
            throw CommandFailure("the request gave way to another one at once: try again")
        }
        return request
    }

    private func files(of request: JSONObject, _ socket: String) async throws -> String {
        let directory = write ?? "activation-\(request["words"]?.string ?? "request")"
        guard !FileManager.default.fileExists(atPath: directory + "/request.json") else { return directory }
        let chain = try await Offer.chain(socket: socket)
        guard try PrivateFile.names(in: directory).isEmpty else {
            throw CommandFailure("\(directory): holds other files: give an empty or a new directory with --write")
        }
        try RequestDirectory(
            try ActivationRequest(file: Array((request["file"]?.string ?? "").utf8)),
            signature: request["signature"]?.string ?? "", chain: chain
        ).write(to: directory)
        return directory
    }

    private func show(_ request: JSONObject, _ directory: String) {
        func text(_ name: String) -> String { request[name]?.string ?? "-" }
        if json {
            var answer = request
            answer["directory"] = .string(directory)
            return Terminal.print(json: .object(answer))
        }
        Terminal.say("request      \(directory)")
        Terminal.say("words        \(text("words"))        read them to each custodian")
        Terminal.say("open until   \(text("expires"))")
        Terminal.say("needed       \(request["threshold"]?.integer ?? 0) custodians")
        Terminal.say("")
        Terminal.say("Next: send that directory to the custodians. Each runs on their computer:", hanging: 6)
        Terminal.command("  vault-appliance custodian contribute --request \(name(of: directory))")
        Terminal.say("and sends you NAME.age and NAME.age.sig. Hand each in, here in another window:")
        Terminal.command("  vault-appliance activate --config \(options.config) --submit NAME.age")
        Terminal.say("")
    }

    private func name(of directory: String) -> String { (directory as NSString).lastPathComponent }

    private func handIn(_ socket: String) async throws {
        for path in submit {
            let file = try PrivateFile.readPublic(path, limit: 65_536)
            let signature = try PrivateFile.readPublic(path + ".sig", limit: 65_536)
            let answer = try await AdminClient.call(
                ActivateSubmission.command(file, signature), socket: socket, within: .seconds(120))
            if json {
                Terminal.print(json: answer)
            } else {
                ActivateSubmission.lines(answer).forEach { Terminal.say($0) }
            }
        }
    }

    private func close(_ name: String, _ socket: String) async throws {
        let progress = try await Self.progress(socket)
        guard let open = OpenRequests(progress).named(name), let hash = open["request"]?.string else {
            throw CommandFailure("--cancel: no request with these words is open")
        }
        if let ceremony = open["ceremony"]?.string {
            throw CommandFailure(
                "--cancel: the request \(name) is the ceremony \(ceremony)'s, and ends with it: "
                    + "vault-appliance ceremony abort --config \(options.config) \(ceremony)")
        }
        let order = try SignedOrder(.cancel, hash, key: key ?? "", state: progress)
        let answer = try await AdminClient.call(order.command("activation-cancel"), socket: socket)
        if json { Terminal.print(json: answer) } else { print("closed: every share for it was dropped") }
    }

    static func progress(_ socket: String) async throws -> JSONObject {
        try await AdminClient.call(["command": "activation-progress"], socket: socket).object ?? JSONObject()
    }

    private static func seconds(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600]
        guard let unit = text.last.flatMap({ units[$0] }), text.utf8.count <= 6, let number = Int64(text.dropLast()),
            (60...ActivationDesk.longestLifetime).contains(number * unit)
        else { return nil }
        return number * unit
    }
}

/// Waits for a request's custodians, and tells of each.
struct ActivationWait {
    let socket: String
    let request: String
    let json: Bool

    func run() async throws {
        var shown: [String] = []
        var last: JSONObject?
        while true {
            let progress = try await Activate.progress(socket)
            if progress["state"]?.string == "active" { return try finish(progress) }
            let open = progress["requests"]?.array?.compactMap(\.object).first { $0["request"]?.string == request }
            guard let open else {
                guard progress["state"]?.string == "sealed" else {
                    try await Task.sleep(for: .milliseconds(200))
                    continue
                }
                throw CommandFailure("the core is still sealed: \(progress["failure"]?.string ?? Self.ended(last))")
            }
            last = open
            let contributed = open["contributed"]?.strings ?? []
            if contributed != shown || shown.isEmpty { tell(open, contributed) }
            shown = contributed.isEmpty ? ["nobody"] : contributed
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func tell(_ open: JSONObject, _ contributed: [String]) {
        guard !json else { return }
        Terminal.say(
            "waiting      for \(Self.needed(open))"
                + (contributed.isEmpty ? "" : "; thanks to \(contributed.joined(separator: ", "))"))
    }

    /// How many more it takes, and who they may be.
    private static func needed(_ open: JSONObject) -> String {
        "\(open["needed"]?.integer ?? 0) more of \((open["missing"]?.strings ?? []).joined(separator: ", "))"
    }

    /// Why nobody can contribute to a request any more, what it lacked, and what there is to do.
    private static func ended(_ last: JSONObject?) -> String {
        "the request ran out, or was closed\(last.map { ", with \(needed($0)) missing" } ?? ""); open another one with "
            + "activate. If so many cannot come any more: docs/recovery.md, \"The quorum is lost\""
    }

    private func finish(_ progress: JSONObject) throws {
        if json { return Terminal.print(json: .object(progress)) }
        let people = (progress["activated_custodians"]?.strings ?? []).joined(separator: ", ")
        Terminal.say("active       since \(progress["activated"]?.string ?? "-"), by \(people.isEmpty ? "-" : people)")
    }
}

/// A contribution on its way to the core, and what came of it.
enum ActivateSubmission {
    static func command(_ file: [UInt8], _ signature: [UInt8]) -> JSONValue {
        [
            "command": "activation-contribute", "file": .string(Base64URL.string(file)),
            "signature": .string(String(decoding: signature, as: UTF8.self)),
        ]
    }

    static func lines(_ answer: JSONValue) -> [String] {
        let object = answer.object
        let name = object?["by"]?.string ?? "-"
        guard object?["state"]?.string != "active" else {
            return ["taken        \(name)'s share", "active       the core signs again"]
        }
        let progress = object?["progress"]?.object
        return [
            "taken        \(name)'s share",
            "needed       \(progress?["needed"]?.integer ?? 0) more of: "
                + (progress?["missing"]?.strings ?? []).joined(separator: ", "),
        ]
    }
}
