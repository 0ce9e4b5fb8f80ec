import ArgumentParser
import Custody
import Foundation
import StrictEncoding

/// `custodian contribute`: a share on its way to a sealed core.
struct CustodianContribute: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "contribute", abstract: "Send your share, encrypted, to an appliance that asks for it.",
        discussion: """
            Verifies the request first: that your appliance's own host key signed it, for the manifests that you accepted, and \
            that it has not run out. Only then your share is opened, encrypted to that one start of the appliance, and signed with \
            your SSH key. Compare the words with what the administrator reads to you.

            With the request's directory (activate writes it): the contribution is two files for the administrator, \
            NAME.age and NAME.age.sig, which `activate --submit NAME.age` hands in. With --socket, on the appliance's own \
            machine or through an SSH tunnel to its admin socket, it is handed in at once. Where several requests are open there, \
            the newest that brings the appliance to life is meant; --words names another one, as a ceremony's.

            In a custodian change give your new share (--share). If you are new, compare the words of the genesis too, with \
            those that a custodian who was there before has written down: until then nothing tells your appliance from another.
            """)

    @OptionGroup var options: CustodianHomeOption
    @Option(
        help: "The request's directory: request.json, request.json.sig, manifests.", completion: .directory)
    var request: String?
    @Option(help: "The core's admin socket: take the request from there and hand the share in.", completion: .file())
    var socket: String?
    @Option(help: "Where to write the contribution; by default in the request's directory.", completion: .file())
    var out: String?
    @Option(help: "A new share that you have not accepted yet, in a custodian change.", completion: .file())
    var share: String?
    @OptionGroup var genesis: GenesisOption
    @Option(help: "The words of the request as they were read to you, instead of being asked.") var words: String?
    @Flag(help: "Print JSON for machines.") var json = false

    func validate() throws {
        guard (request == nil) != (socket == nil) else { throw ValidationError("give --request or --socket") }
        guard out == nil || request != nil else {
            throw ValidationError("--out goes with --request: --socket hands in")
        }
    }

    func run() async throws {
        try ProcessHygiene.apply()
        let home = options.value
        let offer =
            if let socket { try await Offer(socket: socket, words: words) } else { try Offer(directory: request ?? "") }
        let asked = offer.request
        // Before a person compares words, so that nobody is asked about an impostor's request.
        let isKnown = try home.check(
            asked, signature: offer.signature, chain: offer.chain, now: systemClock(), hasNewShare: share != nil)
        try genesis.confirm(offer.chain, isKnown: isKnown)
        try confirm(asked)
        // A newcomer knows the appliance from here on, and before the share is opened.
        if !isKnown { try home.remember(offer.chain, shownBy: asked) }
        let file = try home.contribution(
            to: asked, signature: offer.signature, chain: offer.chain, now: systemClock(),
            newShare: try share.map { try PrivateFile.readPublic($0, limit: 65_536) })
        let name = try Self.me(home, offer.chain)
        // Made elsewhere, and given over whole: whoever waits for the two files takes them the moment they are there.
        let scratch = FileManager.default.temporaryDirectory.appending(path: "vault-share-\(randomHexadecimal(8))")
        try PrivateFile.makeDirectory(scratch.path)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let draft = scratch.appending(path: "\(name).age").path
        try PrivateFile.replace(draft, file, mode: 0o600)
        let signature = try Custody.SSHKeygen.sign(
            file: draft, key: home.sshKey, purpose: .contribution(request: asked.hash))
        guard let socket else {
            let place = out ?? "\(request ?? "")/\(name).age"
            try Self.deliver(file, signature, to: place)
            return say(place, name)
        }
        let answer = try await AdminClient.call(
            ActivateSubmission.command(file, signature), socket: socket, within: .seconds(120))
        if json { Terminal.print(json: answer) } else { ActivateSubmission.lines(answer).forEach { Terminal.say($0) } }
    }

    private func say(_ place: String, _ name: String) {
        if json {
            return Terminal.print(json: [
                "contribution": .string(place), "signature": .string(place + ".sig"), "by": .string(name),
            ])
        }
        Terminal.say("written      \(place)")
        Terminal.say("             \(place).sig")
        Terminal.say(
            "Next: give both files to the administrator. They are good for this one request, and for nothing else.",
            hanging: 6)
    }

    private func confirm(_ asked: ActivationRequest) throws {
        if let words {
            guard words.lowercased() == asked.words else {
                throw CommandFailure(
                    "--words: the request's words are \(asked.words). It is not the one that was read to you: send "
                        + "nothing, and call the others by a number that you already have")
            }
            return
        }
        Terminal.note("appliance   \(asked.appliance)")
        Terminal.note("words       \(asked.words)")
        Terminal.note("tokens      \(asked.tokens.joined(separator: ", "))")
        Terminal.note("open until  \(asked.expires.rfc3339)")
        if let ceremony = asked.ceremony { Terminal.note("asked for   the ceremony \(ceremony)") }
        Terminal.note("checked     your appliance's own key signed this request")
        try Confirmation.ask(
            "Are these the words that were read to you?", instead: "--words WORDS",
            otherwise:
                "Your share stayed closed. Call the others by a number that you already have: if the words differ, "
                + "somebody else may be asking.")
    }

    /// The signature before what it signs, and never one beside another's.
    private static func deliver(_ file: [UInt8], _ signature: [UInt8], to place: String) throws {
        if FileManager.default.fileExists(atPath: place) { try PrivateFile.remove(place) }
        try PrivateFile.replace("\(place).sig", signature, mode: 0o600)
        try PrivateFile.replace(place, file, mode: 0o600)
    }

    private static func me(_ home: CustodianHome, _ chain: ManifestChain) throws -> String {
        let line = String(decoding: try PrivateFile.readPublic(home.sshPublicKey, limit: 65_536), as: UTF8.self)
        return try Quorum.owner(of: try SSHPublicKey(line: line), among: chain.current.custodians).name
    }
}

/// A request for shares, with what it is checked with.
struct Offer {
    let request: ActivationRequest
    let signature: String
    let chain: ManifestChain

    /// From the files that `activate` wrote.
    init(directory: String) throws {
        request = try ActivationRequest(
            file: try PrivateFile.readPublic("\(directory)/request.json", limit: ActivationRequest.maximumBytes))
        signature = String(
            decoding: try PrivateFile.readPublic("\(directory)/request.json.sig", limit: 65_536), as: UTF8.self)
        chain = try ManifestFiles.chain(["\(directory)/manifests"])
    }

    /// From a core itself: of several requests the one with the words, else the newest that brings it to life.
    init(socket: String, words: String? = nil) async throws {
        let progress = try await AdminClient.call(["command": "activation-progress"], socket: socket).object
        let requests = OpenRequests(progress)
        guard let open = try requests.meant(words: words), let file = open["file"]?.string,
            let signature = open["signature"]?.string
        else {
            let state = progress?["state"]?.string ?? "-"
            throw CommandFailure(
                state == "sealed"
                    ? "no request is open: somebody has to run vault-appliance activate first"
                    : "the core is \(state): nobody needs to contribute")
        }
        request = try ActivationRequest(file: Array(file.utf8))
        self.signature = signature
        if let others = requests.others(than: open) {
            Terminal.note(
                "This is for \(OpenRequests.purpose(open["ceremony"]?.string)). Also open, by --words: \(others).")
        }
        chain = try await Self.chain(socket: socket)
    }

    /// The manifests that a core has.
    static func chain(socket: String) async throws -> ManifestChain {
        var (manifests, newest): ([Manifest], Int64) = ([], 1)
        while Int64(manifests.count) < newest {
            let answer = try await AdminClient.call(
                ["command": "custody-manifest", "version": .integer(Int64(manifests.count) + 1)], socket: socket)
            newest = answer.object?["newest"]?.integer ?? 0
            manifests.append(try Manifest(jsonBytes: Array((answer.object?["manifest"]?.string ?? "").utf8)))
        }
        return try ManifestChain(verifying: manifests)
    }
}
