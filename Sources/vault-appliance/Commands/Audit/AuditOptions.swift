import ArgumentParser
import AuditLog
import Custody
import Foundation
import StrictEncoding

/// Who may have signed a log's checkpoints: keys by file, or those of the manifest.
struct KeyOptions: ParsableArguments {
    @Option(help: "File with note verifier keys, one a line; may be repeated.", completion: .file())
    var vkey: [String] = []
    @Option(
        help: "The appliance's manifests from the first on, one file each; their checkpoint keys count.",
        completion: .file())
    var manifest: [String] = []
    @Option(help: "The log's name; needed with --manifest alone.") var origin: String?

    func validate() throws {
        guard !vkey.isEmpty || !manifest.isEmpty else { throw ValidationError("give --vkey or --manifest") }
        guard !vkey.isEmpty || origin != nil else { throw ValidationError("--manifest needs --origin") }
    }

    /// The keys, those of files first.
    func keys() throws -> [VerifierKey] {
        var keys: [VerifierKey] = []
        for file in vkey {
            let text = try String(contentsOf: URL(filePath: file), encoding: .utf8)
            for line in text.split(separator: "\n") {
                do {
                    keys.append(try VerifierKey(parsing: String(line)))
                } catch {
                    throw CommandFailure("\(file): \(error.reason)")
                }
            }
        }
        guard !manifest.isEmpty else { return keys }
        guard let name = origin ?? keys.first?.name else { throw CommandFailure("--origin: is missing") }
        return keys + (try manifestKeys(origin: name))
    }

    /// Under quorum custody the manifests must be a chain, each signed by the custodians of the one before.
    private func manifestKeys(origin: String) throws -> [VerifierKey] {
        let manifests = try manifest.map { file in
            try Manifest(jsonBytes: [UInt8](Data(contentsOf: URL(filePath: file))))
        }
        if manifests.contains(where: { $0.custody == .quorum }) {
            let chain = try ManifestChain(verifying: manifests)
            Terminal.note("manifests 1 to \(chain.current.version); compare the genesis hash: \(chain.genesisHash)")
        } else {
            guard manifests.count == 1 else { throw CommandFailure("development manifests have no chain: give one") }
            Terminal.note("a development manifest: nobody vouches for its keys")
        }
        var keys: [VerifierKey] = []
        for manifest in manifests {
            for key in try manifest.checkpointKeys(origin: origin) where !keys.contains(key) { keys.append(key) }
        }
        guard !keys.isEmpty else { throw CommandFailure("the manifest names no checkpoint key") }
        return keys
    }
}

/// The log to be read.
struct LogOption: ParsableArguments {
    @Option(help: "The log's directory, or a copy of it; closed shards lie beside it.", completion: .directory)
    var log: String

    var series: LogSeries { LogSeries(directory: log) }
}

/// Which entries are wanted.
struct FilterOptions: ParsableArguments {
    @Option(help: "Subject of the user.") var user: String?
    @Option(help: "Subject of an agent anywhere in the chain of actors.") var agent: String?
    @Option(help: "Client id of the gateway.") var gateway: String?
    @Option(help: "Name of the target.") var target: String?
    @Option(help: "Name of the tool.") var tool: String?
    @Option(help: "Id of the rule or denial that decided.") var rule: String?
    @Option(help: "granted or denied.") var decision: EntryFilter.Decision?
    @Option(help: "A kind of entry (mint, denied, ...) or a group of kinds (admin, ceremony, ...).") var kind: String?
    @Option(help: "From this time on: 2026-11-23, or 2026-11-23T20:00:00Z.") var since: Moment?
    @Option(help: "Until before this time.") var until: Moment?

    var filter: EntryFilter {
        var filter = EntryFilter()
        (filter.user, filter.agent, filter.client, filter.target) = (user, agent, gateway, target)
        (filter.tool, filter.rule, filter.decision, filter.kind) = (tool, rule, decision, kind)
        (filter.since, filter.until) = (since?.time, until?.time)
        return filter
    }
}

extension EntryFilter.Decision: ExpressibleByArgument {}

/// A time as people write it, in UTC: a day, or a day and a time with or without milliseconds.
struct Moment: ExpressibleByArgument {
    let time: UnixTime

    init?(argument: String) {
        let candidates = [argument, argument.dropLast() + ".000Z", argument + "T00:00:00.000Z"].map { String($0) }
        guard let time = candidates.lazy.compactMap({ UnixTime(rfc3339: $0) }).first else { return nil }
        self.time = time
    }
}

/// What commands tell people besides their output.
enum Terminal {
    /// A line on standard error.
    static func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    /// A line that replaces itself, for work that takes longer than a second.
    static func progress(_ text: String) {
        guard isatty(FileHandle.standardError.fileDescriptor) == 1 else { return }
        FileHandle.standardError.write(Data("\r\(text)".utf8))
    }

    /// One JSON document.
    static func print(json: JSONValue) { Swift.print(String(decoding: JSONWriter.canonical(json), as: UTF8.self)) }
}
