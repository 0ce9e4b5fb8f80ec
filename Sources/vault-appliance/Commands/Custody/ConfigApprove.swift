import ArgumentParser
import Custody
import Foundation
import StrictEncoding
import VaultAppliance

/// `config approve`: an approver's signature under a configuration bundle.
struct ConfigApprove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Approve a configuration's bundle as one of the approvers.",
        discussion: """
            Reads the configuration with its policy and key files, shows which parts differ from the newest approved bundle, has \
            ssh-keygen sign the approval with your key, and hands it to the core. Where the manifest's dial config_approvals is k, \
            the core takes a bundle only when k approvers have signed it, and never an older one than the newest. Review the files \
            themselves first: what is shown here are their parts, by hash.

            With your key on another machine: --write FILE, there
              ssh-keygen -Y sign -f KEY -n configuration@vault-appliance FILE
            and back here --submit FILE, with FILE.sig beside it.
            """)

    @OptionGroup var options: ConfigurationOption
    @Option(help: "Your SSH key, as an approver.", completion: .file()) var key: String?
    @Option(help: "Write the approval to a new file, to be signed elsewhere.", completion: .file()) var write: String?
    @Option(help: "Hand in an approval that was signed elsewhere.", completion: .file()) var submit: String?
    @Flag(help: "Sign without asking: you have read it already.") var yes = false
    @Flag(help: "Print JSON for machines.") var json = false

    func validate() throws {
        guard [key, write, submit].compactMap({ $0 }).count == 1 else {
            throw ValidationError("give --key to sign here, --write to sign elsewhere, or --submit what was signed")
        }
    }

    func run() async throws {
        let bundle = try ConfigurationBundle.load(file: options.config)
        let socket = bundle.configuration.core.adminSocket
        if let submit {
            return try await handIn(
                try PrivateFile.readPublic(submit, limit: BundleApproval.maximumBytes),
                try PrivateFile.readPublic(submit + ".sig", limit: 65_536), socket)
        }
        let known = try await AdminClient.call(["command": "config-approvals"], socket: socket).object ?? JSONObject()
        let approval = try approval(of: bundle, known)
        if let write {
            try PrivateFile.create(write, approval.bytes)
            print("sign it: ssh-keygen -Y sign -f KEY -n \(SignaturePurpose.configuration.namespace) \(write)")
            print("then:    vault-appliance config approve --config \(options.config) --submit \(write)")
            return
        }
        if !yes {
            try Confirmation.ask(
                "Do you approve this bundle?", instead: "--yes",
                otherwise: "Tell whoever changed the configuration why.")
        }
        let signature = try SSHKeygen.sign(
            approval.bytes, key: key ?? "", namespace: SignaturePurpose.configuration.namespace)
        try await handIn(approval.bytes, Array(signature.utf8), socket)
    }

    /// The document to sign: the one that others have signed for this bundle, or a new one.
    private func approval(of bundle: ConfigurationBundle, _ known: JSONObject) throws -> BundleApproval {
        let newest = known["newest"]?.integer ?? 0
        let documents = (known["documents"]?.array ?? []).compactMap(\.object)
        let approvals = documents.compactMap { object in
            (try? BundleApproval(file: Array((object["approval"]?.string ?? "").utf8))).map {
                ($0, object["approvers"]?.strings ?? [])
            }
        }
        let needed = max(1, known["needed"]?.integer ?? 0)
        let before = approvals.first { $0.0.number == newest && $0.1.count >= needed }?.0
        if before?.bundle == bundle.hash {
            throw CommandFailure("bundle \(bundle.hash.prefix(16)) is the newest approved one already")
        }
        let begun = approvals.filter { $0.0.number > newest && $0.0.bundle == bundle.hash }
        for other in begun where other.0.parts != bundle.parts {
            Terminal.note(
                "careful      \(other.1.joined(separator: ", ")) signed other parts under this hash: it is left aside; ask why"
            )
        }
        // The one that most have signed; whoever signs a high number alone is joined by nobody.
        let pending = begun.filter { $0.0.parts == bundle.parts }.max { left, right in
            (left.1.count, -left.0.number) < (right.1.count, -right.0.number)
        }
        let joined = pending.flatMap { $0.1.count > 1 || $0.0.number == newest + 1 ? $0 : nil }
        let approval =
            joined?.0
            ?? BundleApproval(
                appliance: known["appliance"]?.string ?? "", bundle: bundle.hash, number: newest + 1,
                parts: bundle.parts)
        Terminal.note("bundle       \(approval.bundle)")
        Terminal.note("number       \(approval.number), after \(newest)")
        Terminal.note("words        \(Proquint.phrase(hexadecimal: approval.hash))")
        Terminal.note("signed by    \(joined.map { $0.1.joined(separator: ", ") } ?? "nobody yet")")
        Terminal.note("needed       \(known["needed"]?.integer ?? 0) approvers")
        for change in approval.changes(since: before) { Terminal.note("  \(change)") }
        return approval
    }

    private func handIn(_ file: [UInt8], _ signature: [UInt8], _ socket: String) async throws {
        let answer = try await AdminClient.call(
            [
                "command": "config-approve", "approval": .string(String(decoding: file, as: UTF8.self)),
                "signature": .string(String(decoding: signature, as: UTF8.self)),
            ], socket: socket)
        if json { return Terminal.print(json: answer) }
        let object = answer.object
        let people = (object?["approvers"]?.strings ?? []).joined(separator: ", ")
        print(
            "approved     bundle \(object?["number"]?.integer ?? 0) by \(people); \(object?["needed"]?.integer ?? 0) needed"
        )
        if object?["complete"]?.bool == true {
            print("Next: reload the front (SIGHUP): it may load this bundle now, and none older.")
        } else {
            print("Next: another approver runs the same command.")
        }
    }
}
