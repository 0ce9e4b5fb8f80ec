import ArgumentParser
import AuditLog
import Custody
import Foundation
import StrictEncoding
import VaultCore

/// `audit restore`: goes on with an older copy of the log.
struct AuditRestore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Accept that the log is older than its last checkpoint; the core must be stopped.",
        discussion: """
            Entries that were recorded and signed are lost by this. Look for a newer copy first: collectors and witnesses may \
            have one. It takes as many custodians as the manifest's threshold says:

              vault-appliance audit restore --config FILE --draft ORDER --reason "..."
              each:  vault-appliance custodian approve ORDER --out NAME.sig
                     or ssh-keygen -Y sign -f KEY -n restoration@vault-appliance ORDER
              vault-appliance audit restore --config FILE ORDER NAME.sig NAME.sig

            The core checks order and signatures at its next start, and records as the first entry who decided, why, and what \
            is lost. Under development custody --operator and --reason do it at once, and nobody checks who that is.
            """)

    @OptionGroup var options: ConfigurationOption
    @Option(help: "Write the order that custodians sign to a new file, and do nothing else.", completion: .file())
    var draft: String?
    @Option(help: "How many hours the order is good, with --draft.") var hours: Int64 = 24
    @Option(help: "Why there is no newer copy, in one line.") var reason: String?
    @Option(help: "Under development custody alone, where nobody signs: the name people know you by.")
    var `operator`: String?
    @Argument(help: "The order, and the signatures of it.", completion: .file()) var files: [String] = []
    @Flag(help: "Print JSON for machines.") var json = false

    func validate() throws {
        guard [draft != nil, self.operator != nil, !files.isEmpty].filter({ $0 }).count == 1 else {
            throw ValidationError(
                "give --draft ORDER, or ORDER with its signatures; under development custody --operator")
        }
        guard (reason == nil) == !files.isEmpty else {
            throw ValidationError(reason == nil ? "give --reason" : "--reason stands in the order: leave it out")
        }
        guard reason.map({ PlanReader.isLine($0) }) ?? true else {
            throw ValidationError("--reason: one line of 1 to 500 bytes")
        }
        guard (1...RestorationOrder.longestLifetime / 3600).contains(hours) else {
            throw ValidationError("--hours: 1 to \(RestorationOrder.longestLifetime / 3600)")
        }
    }

    func run() async throws {
        let settings = try CoreSettings(loading: options.config)
        guard let record = settings.logOptions.lastCheckpointFile else {
            throw CommandFailure("audit.last_checkpoint: is not configured, so nothing is refused")
        }
        guard settings.custody == Manifest.Mode.quorum.rawValue else {
            _ = try PersonOptions.unchecked(self.operator)
            return try decideAlone(settings, record)
        }
        guard self.operator == nil else {
            throw CommandFailure("--operator: core.custody is quorum, so custodians sign: begin with --draft ORDER")
        }
        if let draft { try write(draft, settings, record) } else { try handIn(settings, record) }
    }

    private func decideAlone(_ settings: CoreSettings, _ record: String) throws {
        let (lost, found) = try Restoration.accept(
            directory: settings.logDirectory, record: record, origin: settings.logOrigin,
            operator: self.operator ?? "", reason: reason ?? "")
        show(lost, found, by: [])
    }

    private func write(_ file: String, _ settings: CoreSettings, _ record: String) throws {
        let manifest = try settings.manifestOfCustodians()
        let (lost, found) = try Restoration.state(
            directory: settings.logDirectory, record: record, origin: settings.logOrigin)
        let order = RestorationOrder(
            appliance: manifest.appliance, lost: lost, found: found, reason: reason ?? "",
            expires: systemClock().adding(seconds: hours * 3600), nonce: randomHexadecimal(16))
        try PrivateFile.create(file, order.bytes)
        let words = Proquint.phrase(hexadecimal: order.hash)
        guard !json else {
            var object = members(lost, found)
            object["order"] = .string(file)
            object["words"] = .string(words)
            object["needed"] = .integer(manifest.threshold)
            return Terminal.print(json: .object(object))
        }
        lines(lost, found).forEach { print($0) }
        print("words        \(words)")
        print("good until   \(order.expires.rfc3339)")
        let names = manifest.custodians.map(\.name).joined(separator: ", ")
        print("Next: \(manifest.threshold) of \(names) sign it: vault-appliance custodian approve \(file)")
        print("      or ssh-keygen -Y sign -f KEY -n \(SignaturePurpose.restoration.namespace) \(file)")
        print("then: vault-appliance audit restore --config \(options.config) \(file) SIGNATURE ...")
    }

    private func handIn(_ settings: CoreSettings, _ record: String) throws {
        let order = try RestorationOrder(
            file: try PrivateFile.readPublic(files[0], limit: RestorationOrder.maximumBytes))
        let signatures = try files.dropFirst().map { file in
            String(decoding: try PrivateFile.readPublic(file, limit: 65_536), as: UTF8.self)
        }
        // As the core will do it; so that people hear now what is missing.
        let manifest = try settings.manifestOfCustodians()
        let people = try order.verify(signatures: signatures, manifest: manifest, now: systemClock())
        let restoration = LogRestoration(order: order, signatures: signatures)
        try restoration.decision(manifest: manifest, now: systemClock()).handIn(
            restoration.file, directory: settings.logDirectory, record: record, origin: settings.logOrigin)
        show(order.lost, order.found, by: people.map { "\($0.name) \($0.fingerprint)" })
    }

    private func show(_ lost: Checkpoint?, _ found: Checkpoint, by people: [String]) {
        if json {
            var object = members(lost, found)
            object["by"] = .array(people.map { .string($0) })
            return Terminal.print(json: .object(object))
        }
        lines(lost, found).forEach { print($0) }
        for person in people { print("decided by   \(person)") }
        print("accepted: start the core; its first entry says so")
    }

    private func lines(_ lost: Checkpoint?, _ found: Checkpoint) -> [String] {
        [
            "the log has    \(found.size) entries of \(found.origin)",
            "it had had     \(lost.map { "\($0.size) entries of \($0.origin)" } ?? "nobody knows how many")",
        ]
    }

    private func members(_ lost: Checkpoint?, _ found: Checkpoint) -> JSONObject {
        JSONObject([
            .init(name: "found_size", value: .integer(Int64(clamping: found.size))),
            .init(name: "found_origin", value: .string(found.origin)),
            .init(name: "lost_size", value: lost.map { .integer(Int64(clamping: $0.size)) } ?? .null),
            .init(name: "lost_origin", value: lost.map { .string($0.origin) } ?? .null),
        ])
    }
}
