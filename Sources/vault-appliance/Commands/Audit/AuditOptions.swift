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

    /// Whose signatures count: those of files always, those of manifests as the newest that names them says.
    struct Keys {
        /// Keys that may sign now.
        var current: [VerifierKey] = []
        /// Keys that may not sign any more.
        var retired: [VerifierKey] = []
        /// Keys that somebody else may hold.
        var quarantined: [VerifierKey] = []
    }

    /// The keys, those of files first.
    func keys() throws -> Keys {
        var keys = Keys()
        for file in vkey { keys.current += try Self.keys(in: file) }
        guard !manifest.isEmpty else { return keys }
        guard let name = origin ?? keys.current.first?.name else { throw CommandFailure("--origin: is missing") }
        let vouched = try manifestKeys(origin: name)
        keys.current += vouched.current
        (keys.retired, keys.quarantined) = (vouched.retired, vouched.quarantined)
        return keys
    }

    /// The verifier keys of a file, one a line.
    static func keys(in file: String) throws -> [VerifierKey] {
        do throws(AuditLogError) {
            var keys: [VerifierKey] = []
            for line in try text(of: file).split(separator: "\n") {
                keys.append(try VerifierKey(parsing: String(line)))
            }
            return keys
        } catch {
            throw CommandFailure("\(file): \(error.reason)")
        }
    }

    static func text(of file: String) throws(AuditLogError) -> String {
        guard let text = try? String(contentsOf: URL(filePath: file), encoding: .utf8) else {
            throw AuditLogError(.missingFile, "cannot be read")
        }
        return text
    }

    /// Under quorum custody the manifests must be a chain, each signed by the custodians of the one before.
    private func manifestKeys(origin: String) throws -> CheckpointKeys {
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
        let keys = try CheckpointKeys(manifests, origin: origin)
        guard !keys.current.isEmpty else { throw CommandFailure("the manifest names no checkpoint key that may sign") }
        return keys
    }
}

/// Whose cosignatures are wanted.
struct WitnessOptions: ParsableArguments {
    @Option(help: "File with verifier keys of witnesses, one a line; may be repeated.", completion: .file())
    var witness: [String] = []
    @Option(help: "How many of the witnesses must have cosigned; all without it.") var quorum: Int?

    func validate() throws {
        guard quorum == nil || !witness.isEmpty else { throw ValidationError("--quorum needs --witness") }
    }

    /// What is wanted; nil when nothing is.
    func policy() throws -> WitnessPolicy? {
        guard !witness.isEmpty else { return nil }
        var keys: [WitnessKey] = []
        for file in witness {
            do throws(AuditLogError) {
                for key in try WitnessKey.list(try KeyOptions.text(of: file)) where !keys.contains(key) {
                    keys.append(key)
                }
            } catch {
                throw CommandFailure("\(file): \(error.reason)")
            }
        }
        do throws(AuditLogError) {
            return try WitnessPolicy(keys: keys, quorum: quorum ?? keys.count)
        } catch {
            throw CommandFailure("--quorum: \(error.reason)")
        }
    }
}

extension Cosignature {
    /// A line for people.
    var words: String { "\(witness.name), \(UnixTime(seconds: time).rfc3339)" }
}

/// The log to be read.
struct LogOption: ParsableArguments {
    @Option(help: "The log's directory, or a copy of it; closed shards lie beside it.", completion: .directory)
    var log: String

    var series: LogSeries { LogSeries(directory: log) }

    func validate() throws { try Self.check(log) }

    /// Refuses a directory that is no log: reading nothing out of it would look like a log without such entries.
    static func check(_ directory: String) throws {
        let files = FileManager.default
        guard files.isReadableFile(atPath: directory) else {
            throw CommandFailure("--log: \(directory) is not there, or this user may not read it")
        }
        guard ["checkpoint", "journal"].contains(where: { files.fileExists(atPath: "\(directory)/\($0)") }) else {
            throw CommandFailure("--log: \(directory) is no log: it has neither a checkpoint nor a journal")
        }
    }
}

/// Which entries are wanted.
struct FilterOptions: ParsableArguments {
    @Option(help: "Subject of the user.") var user: String?
    @Option(help: "Subject of an agent anywhere in the chain of actors.") var agent: String?
    @Option(help: "Client id of the gateway.") var gateway: String?
    @Option(help: "Name of the target.") var target: String?
    @Option(help: "Name of the tool.") var tool: String?
    @Option(help: "Id of the rule or denial that decided.") var rule: String?
    @Option(help: "Id of the request, from the answer's X-Request-Id.") var request: String?
    // base64url: it may begin with a hyphen.
    @Option(parsing: .unconditional, help: "The credential's jti.") var jti: String?
    @Option(help: "granted or denied.") var decision: EntryFilter.Decision?
    @Option(help: "A kind of entry (mint, denied, ...) or a group of kinds (admin, ceremony, ...).") var kind: String?
    @Option(help: "From this time on: 2026-11-23, or 2026-11-23T20:00:00Z.") var since: Moment?
    @Option(help: "Until before this time.") var until: Moment?

    func validate() throws {
        let kinds = Entry.Kind.allCases
        guard let kind, !kinds.contains(where: { $0.rawValue == kind || $0.group == kind }) else { return }
        let groups = Set(kinds.map(\.group)).sorted().joined(separator: ", ")
        throw ValidationError("--kind: there is no kind or group \(kind); groups: \(groups)")
    }

    var filter: EntryFilter {
        var filter = EntryFilter()
        (filter.user, filter.agent, filter.client, filter.target) = (user, agent, gateway, target)
        (filter.tool, filter.rule, filter.decision, filter.kind) = (tool, rule, decision, kind)
        (filter.requestID, filter.jti) = (request, jti)
        (filter.since, filter.until) = (since?.time, until?.time)
        return filter
    }
}

extension EntryFilter.Decision: ExpressibleByArgument {}

/// Entries whose kind or members only a newer version knows.
enum NewerEntries {
    /// Says how many there were, and what was made of them.
    static func note(_ count: Int, _ what: String) {
        guard count > 0 else { return }
        Terminal.note("\(count) entries are of a newer version than this program's: \(what)")
    }
}

/// Shards that were pruned: of what was in them only state is left, and no mint.
struct PrunedShards {
    let series: LogSeries

    init(in series: LogSeries) { self.series = series }

    var numbers: [UInt64] {
        get throws { try series.pruned() }
    }

    /// An exception to put behind a sentence about all entries; empty where nothing was pruned.
    var exception: String {
        get throws {
            let numbers = try numbers
            guard !numbers.isEmpty else { return "" }
            return " in what is kept (pruned: shard \(numbers.map(String.init).joined(separator: ", ")))"
        }
    }

    /// Says which they are, and what that means.
    func note(_ what: String = "its entries are not among these") throws {
        let numbers = try numbers
        guard !numbers.isEmpty else { return }
        Terminal.note("pruned: shard \(numbers.map(String.init).joined(separator: ", ")); \(what)")
    }
}

/// A time as people write it, in UTC: a day, or a day and a time with or without milliseconds.
struct Moment: ExpressibleByArgument {
    let time: UnixTime

    init?(argument: String) {
        let withMilliseconds = argument.hasSuffix("Z") ? argument.dropLast() + ".000Z" : ""
        let candidates = [argument, withMilliseconds, argument + "T00:00:00.000Z"].map { String($0) }
        guard let time = candidates.lazy.compactMap({ UnixTime(rfc3339: $0) }).first else { return nil }
        self.time = time
    }
}
