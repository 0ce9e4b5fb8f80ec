import ArgumentParser
import Custody
import Foundation
import StrictEncoding

/// `custodian approve`: a person's signature under something that was shown before.
struct CustodianApprove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve",
        abstract: "Read a plan, a manifest, a transcript's head or another document of a quorum, and sign it.",
        discussion: """
            Shows what is to be approved, in full, then has ssh-keygen sign the file with your key, for that use alone. The \
            signature is FILE.sig. What each kind of file is good for stands in docs/ceremonies.md. A manifest is held \
            against what your directory remembers of the appliance, and what it changes is shown; one that is older than \
            what was seen before, or does not follow from it, is refused.
            """)

    @OptionGroup var options: CustodianHomeOption
    @Argument(help: "The file: plan.json, manifest.json, head.json, an order to restore the log.", completion: .file())
    var file: String
    @Option(help: "Your SSH key, if it is not the one in your custodian directory.", completion: .file())
    var key: String?
    @Option(help: "Where the signature goes; by default FILE.sig.", completion: .file()) var out: String?
    @Option(
        help:
            "With a manifest: the manifests before it, or their directory, to see what changes; by default those that your directory remembers.",
        completion: .file())
    var manifests: [String] = []
    @Flag(help: "Sign without asking: you have read it already.") var yes = false
    @Flag(help: "Print JSON for machines.") var json = false

    func run() async throws {
        let bytes = try PrivateFile.readPublic(file, limit: 1 << 20)
        let document = try ApprovableDocument(bytes, file: file)
        var lines = document.summary
        var verified: ManifestChain?
        if case .manifest(let manifest) = document {
            verified = try predecessors(of: manifest)
            lines += changes(to: manifest, after: verified)
        }
        if json {
            lines.forEach { Terminal.note($0) }
        } else if yes {
            lines.forEach { Terminal.say($0) }
        } else {
            Terminal.page(lines)
        }
        if !yes {
            // After pages of text, once more what is compared with what was read aloud.
            Terminal.note("")
            Terminal.note("words        \(document.words)")
            try Confirmation.ask(
                "Are these the words that were read to you, and do you approve it?", instead: "--yes",
                otherwise: "Tell the administrator and the other custodians why.")
        }
        let signature = try SSHKeygen.sign(
            bytes, key: key ?? options.value.sshKey, namespace: document.purpose.namespace)
        let place = out ?? file + ".sig"
        try PrivateFile.create(place, Array(signature.utf8))
        if let verified, try options.value.pin(of: verified.current.appliance) != nil {
            try options.value.remember(verified)
        }
        if json {
            return Terminal.print(json: [
                "signature": .string(place), "namespace": .string(document.purpose.namespace),
                "words": .string(document.words),
            ])
        }
        Terminal.say("")
        Terminal.say("signed       \(place)")
        Terminal.say("Next: give this file to the administrator. It is no secret.", hanging: 6)
    }
}

extension CustodianApprove {
    /// The manifests before the one that is to be signed, held against what is remembered; nil where there are none.
    private func predecessors(of manifest: Manifest) throws -> ManifestChain? {
        let home = options.value
        let pin = try home.pin(of: manifest.appliance)
        if let pin, manifest.version <= pin.version, manifest.hash != pin.manifest {
            throw CommandFailure(
                "\(file): is manifest \(manifest.version), and version \(pin.version) was seen before. Sign nothing; tell the others"
            )
        }
        guard manifests.isEmpty else {
            let chain = try ManifestFiles.chain(manifests)
            try pin?.check(chain)
            try ManifestChain.verifyLink(manifest, after: chain.current)
            return chain
        }
        guard let chain = try home.manifests(of: manifest.appliance) else { return nil }
        if manifest.version == chain.current.version + 1 {
            try ManifestChain.verifyLink(manifest, after: chain.current)
        }
        return chain
    }

    private func changes(to manifest: Manifest, after chain: ManifestChain?) -> [String] {
        guard let chain, manifest.version > chain.current.version else { return [] }
        guard manifest.version == chain.current.version + 1 else {
            return [
                "",
                "Your directory knows manifest \(chain.current.version) as the newest: to see what changes since the one before this, "
                    + "ask for the manifests and give them with --manifests.",
            ]
        }
        return [""] + ManifestChanges(from: chain.current, to: manifest).lines
    }
}

/// What a person may be asked to sign, by its format.
enum ApprovableDocument {
    case plan(CeremonyPlan)
    case manifest(Manifest)
    case head(JSONObject, [UInt8])
    case bundle(BundleApproval)
    case restoration(RestorationOrder)

    /// Reads a file by what it says it is; anything that cannot be shown in full is refused.
    init(_ bytes: [UInt8], file: String) throws {
        guard let object = (try? JSONParser.parse(bytes))?.object, let format = object["format"]?.string else {
            throw CommandFailure("\(file): is not JSON with a format: it is nothing that is signed")
        }
        switch format {
        case CeremonyPlan.format: self = .plan(try CeremonyPlan(file: bytes))
        case Manifest.format:
            do {
                self = .manifest(try Manifest(bodyBytes: bytes))
            } catch {
                throw CommandFailure("\(file): \(error). Only a manifest's body without signatures is signed")
            }
        case "vault-bundle-approval/1": self = .bundle(try BundleApproval(file: bytes))
        case RestorationOrder.format: self = .restoration(try RestorationOrder(file: bytes))
        case "vault-transcript-head/1":
            guard JSONWriter.canonical(.object(object)) + [0x0A] == bytes else {
                throw CommandFailure("\(file): is not in canonical form")
            }
            self = .head(object, bytes)
        default: throw CommandFailure("\(file): a \(format) is nothing that a custodian signs")
        }
    }

    var purpose: SignaturePurpose {
        switch self {
        case .plan: .plan
        case .manifest: .manifest
        case .head: .transcript
        case .bundle: .configuration
        case .restoration: .restoration
        }
    }

    /// Words that say the file's hash.
    var words: String {
        switch self {
        case .plan(let plan): plan.words
        case .manifest(let manifest): Proquint.phrase(hexadecimal: manifest.hash)
        case .head(_, let bytes): Proquint.phrase(sha256Of: bytes)
        case .bundle(let approval): Proquint.phrase(hexadecimal: approval.hash)
        case .restoration(let order): Proquint.phrase(hexadecimal: order.hash)
        }
    }

    /// What a person has to read before signing.
    var summary: [String] {
        let title: String
        let value: JSONValue?
        switch self {
        case .plan(let plan):
            (title, value) = ("PLAN OF A CEREMONY: \(plan.kind.rawValue)", try? JSONParser.parse(plan.bytes))
        case .manifest(let manifest):
            return ["MANIFEST \(manifest.version) of appliance \(manifest.appliance)", "words        \(words)"]
                + ManifestChanges.describe(manifest)
        case .head(let object, _): (title, value) = ("HEAD OF A TRANSCRIPT", .object(object))
        case .restoration(let order):
            (title, value) = (
                "RESTORATION OF AN OLDER LOG: the entries after `found` are given up",
                try? JSONParser.parse(order.bytes)
            )
        case .bundle(let approval):
            (title, value) = ("CONFIGURATION BUNDLE \(approval.number)", try? JSONParser.parse(approval.bytes))
        }
        return [title, "words        \(words)"] + DocumentText.lines(value?.object ?? JSONObject())
    }
}
