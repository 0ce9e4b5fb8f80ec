import ArgumentParser
import AuditLog
import Foundation
import StrictEncoding

/// `audit verify`: is the log whole, and is it the one somebody saw before.
struct AuditVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Re-hash every entry, authenticate every tile, check every signature.",
        discussion: """
            Exits 0 when the log is whole, 1 when anything is wrong; the first fault is named with its file. Keep each \
            checkpoint you have verified: with --checkpoint the log must be a continuation of it, so that a log that was \
            rewritten or put back is found even if every signature in it is right. With --witness a checkpoint must have the \
            cosignatures of --quorum witnesses; what they vouch for, and since when, is said.
            """)

    @OptionGroup var log: LogOption
    @OptionGroup var keys: KeyOptions
    @OptionGroup var witnesses: WitnessOptions
    @Option(help: "A checkpoint kept from an earlier verification.", completion: .file()) var checkpoint: String?
    @Flag(help: "Print JSON for machines.") var json = false

    func run() async throws {
        let keys = try keys.keys()
        var older: Checkpoint?
        if let checkpoint {
            let note = try SignedNote(parsing: [UInt8](Data(contentsOf: URL(filePath: checkpoint))))
            older = try Checkpoint(text: note.text)
        }
        let verifier = try SeriesVerifier(
            directory: log.log, verifierKeys: keys, origin: self.keys.origin, older: older,
            witnesses: try witnesses.policy())
        let shards = try verifier.verify { shard, done, total in
            if total > 100_000 { Terminal.progress("shard \(shard): \(done) of \(total) entries") }
        }
        if json { Terminal.print(json: document(shards)) } else { report(shards, older: older) }
    }

    private func document(_ shards: [SeriesVerifier.Shard]) -> JSONValue {
        func members(_ shard: SeriesVerifier.Shard) -> JSONObject {
            var object = JSONObject()
            object["shard"] = .integer(Int64(clamping: shard.number))
            object["origin"] = .string(shard.checkpoint.origin)
            object["size"] = .integer(Int64(clamping: shard.checkpoint.size))
            object["root"] = .string(Data(shard.checkpoint.root).base64EncodedString())
            object["signers"] = .array(shard.signers.map { .string($0.description) })
            object["witnessed_size"] =
                shard.report?.witnessed.map { .integer(Int64(clamping: $0.checkpoint.size)) } ?? .null
            object["cosigned_by"] = .array(
                shard.report?.witnessed?.cosignatures.map { cosignature in
                    [
                        "witness": .string(cosignature.witness.name),
                        "time": .string(UnixTime(seconds: cosignature.time).rfc3339),
                    ]
                } ?? [])
            object["pruned"] = .bool(shard.report == nil)
            object["last_entry_time"] = shard.report?.lastEntryTime.map { .string($0.rfc3339) } ?? .null
            object["files"] = .integer(Int64(shard.report?.filesChecked ?? 0))
            object["tail"] = .integer(Int64(clamping: shard.report?.journalTail ?? 0))
            return object
        }
        var object = shards.last.map(members) ?? JSONObject()
        object["shards"] = .array(shards.map { .object(members($0)) })
        return .object(object)
    }

    /// A cosigned shard vouches for those before it, whose final checkpoints it holds.
    private func newestWitnessed(_ shards: [SeriesVerifier.Shard]) -> (UInt64, Witnessed)? {
        shards.last { $0.report?.witnessed != nil }.flatMap { shard in
            shard.report?.witnessed.map { (shard.number, $0) }
        }
    }

    private func report(_ shards: [SeriesVerifier.Shard], older: Checkpoint?) {
        for shard in shards.dropLast() {
            let what = shard.report == nil ? "pruned, final checkpoint only" : "closed, whole"
            print("shard \(shard.number)      \(shard.checkpoint.size) entries, \(what)")
        }
        guard let last = shards.last else { return }
        let tail = last.report?.journalTail ?? 0
        print("log          \(last.checkpoint.origin)")
        print("entries      \(last.checkpoint.size) under the checkpoint, \(tail) after it (not signed yet)")
        print("last entry   \(last.report?.lastEntryTime?.rfc3339 ?? "-")")
        print("root         \(Data(last.checkpoint.root).base64EncodedString())")
        for key in last.signers { print("signed by    \(key)") }
        if let (number, witnessed) = newestWitnessed(shards) {
            let shard = shards.count > 1 ? " of shard \(number)" : ""
            print("witnessed    \(witnessed.checkpoint.size) entries\(shard)")
            for cosignature in witnessed.cosignatures { print("cosigned by  \(cosignature.words)") }
        }
        if let older { print("continues    the checkpoint of \(older.size) entries that was kept") }
        let files = shards.reduce(0) { $0 + ($1.report?.filesChecked ?? 0) }
        print("whole: every entry, all \(files) files and the checkpoint's signature agree")
    }
}
