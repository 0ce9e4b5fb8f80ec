import ArgumentParser
import Custody
import Foundation
import StrictEncoding

/// `custodian`: what a custodian does, on the custodian's own computer.
struct CustodianCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "custodian",
        abstract: "Enrol as a custodian, accept an appliance, contribute a share, approve plans and manifests.",
        discussion: """
            Run these on your own computer, never on the appliance. Your keys and your share stay in your home directory \
            (--home, by default ~/.vault-custodian); your share leaves it only encrypted, to one start of one appliance. \
            Stock ssh-keygen and age can do all of this too: docs/custodians.md.
            """,
        subcommands: [
            CustodianEnrol.self, CustodianAccept.self, CustodianContribute.self, CustodianApprove.self,
            CustodianWrapKey.self,
        ])
}

/// Where a custodian's own files are.
struct CustodianHomeOption: ParsableArguments {
    @Option(help: "Your custodian directory; by default ~/.vault-custodian.", completion: .directory)
    var home: String?

    var value: CustodianHome { CustodianHome(directory: home ?? Self.userHome + "/.vault-custodian") }

    /// What a shell calls `~` (POSIX.1-2024, Shell & Utilities, section 2.6.1); Foundation looks at the user database alone.
    private static var userHome: String {
        if let home = ProcessInfo.processInfo.environment["HOME"], home.hasPrefix("/") { return home }
        return FileManager.default.homeDirectoryForCurrentUser.path
    }
}

/// `custodian enrol`: keys, and the file that the administrator gets.
struct CustodianEnrol: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enrol", abstract: "Make your keys, and the enrolment file that you hand to the administrator.",
        discussion: """
            Makes an SSH key (it asks for a passphrase) and an age identity, unless your directory has them already: put your \
            own SSH key there as id_ssh and id_ssh.pub before, if you have one. The enrolment holds public keys alone.
            """)

    @OptionGroup var options: CustodianHomeOption
    @Argument(help: "Your name, as it shall stand in the log: a-z, 0-9, '.', '_' and '-'.") var name: String
    @Flag(help: "Make the SSH key without a passphrase; for tests and demonstrations.") var noPassphrase = false
    @Flag(help: "Print JSON for machines.") var json = false

    // Before a key is made, whose comment it is.
    func validate() throws {
        guard Manifest.isName(name) else {
            throw ValidationError("\(name): a name has 1 to 64 of a-z, 0-9, '.', '_' and '-'")
        }
    }

    func run() async throws {
        try ProcessHygiene.apply()
        let home = options.value
        try PrivateFile.makeDirectory(home.directory)
        if !FileManager.default.fileExists(atPath: home.sshPublicKey) {
            Terminal.note("making your SSH key \(home.sshKey)")
            try Custody.SSHKeygen.makeKey(path: home.sshKey, comment: name, hasPassphrase: !noPassphrase)
        }
        let enrolment = try home.enrol(name: name)
        let fingerprint = try SSHPublicKey(line: enrolment.person.sshKey).fingerprint
        if json {
            return Terminal.print(json: [
                "enrolment": .string(home.enrolment), "name": .string(name), "ssh_key": .string(fingerprint),
                "age_recipient": enrolment.person.ageRecipient.map { .string($0) } ?? .null,
            ])
        }
        Terminal.say("enrolled as  \(name)")
        Terminal.say("SSH key      \(fingerprint)")
        Terminal.say("age key      \(enrolment.person.ageRecipient ?? "-")")
        Terminal.say("")
        Terminal.say("Next: give this file to the administrator (it holds public keys alone):", hanging: 6)
        Terminal.say("        \(home.enrolment)")
        Terminal.say(
            "      and read the fingerprint of your SSH key to him, face to face or over a telephone.", hanging: 6)
        Terminal.say("      Keep a copy of \(home.directory) in a safe place of your own.", hanging: 6)
    }
}

/// `custodian accept`: remembers an appliance, and keeps the share.
struct CustodianAccept: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept", abstract: "Accept an appliance or a later manifest of it, and keep your share.",
        discussion: """
            Verifies the manifests from the first on, that you are one of the custodians, and that the share is the one the \
            manifest promises to you. The first time, compare the words with what was read aloud at the ceremony: from then on \
            your directory refuses every other appliance. Without --share an epoch that you hold a share of is kept.
            """)

    @OptionGroup var options: CustodianHomeOption
    @Argument(help: "The appliance's manifests, or a directory with 1.json, 2.json, ...", completion: .file())
    var manifests: [String]
    @Option(help: "Your share: the age file that the ceremony made for you.", completion: .file()) var share: String?
    @OptionGroup var genesis: GenesisOption
    @Flag(help: "Print JSON for machines.") var json = false

    func run() async throws {
        try ProcessHygiene.apply()
        let home = options.value
        let chain = try ManifestFiles.chain(manifests)
        let manifest = chain.current
        try ManifestFiles.refuseUnfinished(manifests, chain)
        try genesis.confirm(chain, isKnown: try home.pin(of: manifest.appliance) != nil)
        let file = try share.map { try PrivateFile.readPublic($0, limit: 65_536) }
        let pin = try home.accept(chain: chain, share: file)
        if json {
            return Terminal.print(json: [
                "appliance": .string(pin.appliance), "genesis": .string(pin.genesis),
                "version": .integer(pin.version), "manifest": .string(pin.manifest),
            ])
        }
        Terminal.say("accepted     appliance \(pin.appliance), manifest \(pin.version)")
        Terminal.say(
            "epoch        \(manifest.activation?.epoch ?? 0): your share opens, and is the one that the manifest promises you"
        )
        Terminal.say(
            "quorum       any \(manifest.threshold) of \(manifest.custodians.map(\.name).joined(separator: ", "))")
        Terminal.say(
            "Next: keep a copy of \(home.directory) in a safe place: your share cannot be made again.", hanging: 6)
    }
}

/// What tells one appliance from every other: the hash of its first manifest, which a person has from elsewhere.
struct GenesisOption: ParsableArguments {
    // base64url: it may begin with a hyphen.
    @Option(
        parsing: .unconditional,
        help: "The genesis hash, or its words, as you know it from the ceremony, instead of being asked.")
    var genesis: String?

    /// Asks whether manifests begin as those of the ceremony did, unless that is known; what is given is always compared.
    func confirm(_ chain: ManifestChain, isKnown: Bool) throws {
        let words = Proquint.phrase(hexadecimal: chain.genesisHash)
        if let genesis {
            guard genesis.lowercased() == chain.genesisHash || genesis.lowercased() == words else {
                throw CommandFailure(
                    "--genesis: the manifests begin with \(chain.genesisHash), not with that. Accept nothing; "
                        + "call the others by a number that you already have")
            }
            return
        }
        guard !isKnown else { return }
        Terminal.note("appliance   \(chain.current.appliance)")
        Terminal.note("genesis     \(chain.genesisHash)")
        Terminal.note("words       \(words)")
        try Confirmation.ask(
            "Are these the words that were read aloud in the ceremony?", instead: "--genesis HASH",
            otherwise: "If the words differ, this is another appliance: tell the others at once.")
    }
}

/// Questions that a person answers at a terminal.
enum Confirmation {
    /// Asks for `yes`, and after another answer says what to do; without a terminal it says which option answers instead.
    static func ask(_ question: String, instead option: String, otherwise advice: String) throws {
        guard isatty(STDIN_FILENO) == 1 else {
            throw CommandFailure("there is no terminal to ask at: \(question) If so, give \(option)")
        }
        let prompt = Terminal.lines("\(question) Type yes or no: ", hanging: 0).joined(separator: "\n")
        FileHandle.standardError.write(Data(prompt.utf8))
        guard readLine()?.trimmingCharacters(in: .whitespaces).lowercased() == "yes" else {
            throw CommandFailure("not confirmed: nothing was done. \(advice)")
        }
    }
}

/// Manifests as they travel: single files, or a directory of them.
enum ManifestFiles {
    /// The verified chain of some files.
    static func chain(_ paths: [String]) throws -> ManifestChain {
        var files: [String] = []
        for path in paths {
            var isDirectory: ObjCBool = false
            // Safety: the flag outlives the call.
            let exists = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
            guard exists else { throw CommandFailure("\(path): is not there") }
            guard isDirectory.boolValue else {
                files.append(path)
                continue
            }
            files += try FileManager.default.contentsOfDirectory(atPath: path).filter { name in
                name.hasSuffix(".json") && Int64(name.dropLast(5)) != nil
            }.map { "\(path)/\($0)" }
        }
        return try ManifestChain(verifying: try files.map { try CustodyDirectory.readManifest($0) })
    }

    /// Refuses the manifests that lie with a rotation's request: the newest is signed, and may never come into force.
    static func refuseUnfinished(_ paths: [String], _ chain: ManifestChain) throws {
        for path in paths {
            let place = URL(filePath: path).standardizedFileURL.resolvingSymlinksInPath()
            for directory in [
                place.deletingLastPathComponent(), place.deletingLastPathComponent().deletingLastPathComponent(),
            ] {
                let file = directory.appending(path: "request.json").path
                guard let bytes = try? PrivateFile.readPublic(file, limit: ActivationRequest.maximumBytes),
                    let request = try? ActivationRequest(file: bytes), request.provesNewShares,
                    request.manifest == chain.current.hash
                else { continue }
                throw CommandFailure(
                    "\(path): manifest \(chain.current.version) is not in force yet as far as these files say: "
                        + "\(file) asks for shares before it is, and if the ceremony is aborted it never will be. "
                        + "Contribute with --share, and accept the manifests that you get when the ceremony is completed"
                )
            }
        }
    }
}
