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
            rewritten or put back is found even if every signature in it is right. With --witness every shard must have the \
            cosignatures of --quorum witnesses, a closed one to its end; what they vouch for, and since when, is said.
            """)

    @OptionGroup var log: LogOption
    @OptionGroup var keys: KeyOptions
    @OptionGroup var witnesses: WitnessOptions
    @Option(help: "A checkpoint kept from an earlier verification.", completion: .file()) var checkpoint: String?
    @Option(help: "The first shard that must be there: a copy may begin later than the log.") var fromShard: UInt64 = 1
    @Option(help: "The first shard that witnesses watched.") var witnessedFrom: UInt64 = 1
    @Option(help: "Cosignatures of the newest shard must be from this time on: 2026-11-23, or 2026-11-23T20:00:00Z.")
    var witnessedSince: Moment?
    @Flag(help: "Print JSON for machines.") var json = false

    func validate() throws {
        guard fromShard > 0, witnessedFrom > 0 else { throw ValidationError("shards are counted from 1") }
        guard !witnesses.witness.isEmpty || (witnessedSince == nil && witnessedFrom == 1) else {
            throw ValidationError("--witnessed-from and --witnessed-since need --witness")
        }
    }

    func run() async throws {
        let keys = try keys.keys()
        var demands = SeriesVerifier.Demands()
        if let checkpoint {
            let note = try SignedNote(parsing: [UInt8](Data(contentsOf: URL(filePath: checkpoint))))
            demands.older = try Checkpoint(text: note.text)
        }
        demands.firstShard = fromShard
        demands.witnesses = try witnesses.policy()
        (demands.firstWitnessed, demands.witnessedSince) = (witnessedFrom, witnessedSince?.time)
        let verifier = try SeriesVerifier(
            directory: log.log, verifierKeys: keys.current, formerKeys: keys.retired + keys.quarantined,
            origin: self.keys.origin, demands: demands)
        let found = try verifier.verify { shard, done, total in
            if total > 100_000 { Terminal.progress("shard \(shard): \(done) of \(total) entries") }
        }
        if json { Terminal.print(json: document(found)) } else { report(found, older: demands.older) }
    }

    private func document(_ found: SeriesVerifier.Report) -> JSONValue {
        func members(_ shard: SeriesVerifier.Shard) -> JSONObject {
            var object = JSONObject()
            object["shard"] = .integer(Int64(clamping: shard.number))
            object["origin"] = .string(shard.checkpoint.origin)
            object["size"] = .integer(Int64(clamping: shard.checkpoint.size))
            object["root"] = .string(Data(shard.checkpoint.root).base64EncodedString())
            object["signers"] = .array(shard.signers.map { .string($0.description) })
            object["witnessed_size"] =
                shard.witnessed.map { .integer(Int64(clamping: $0.checkpoint.size)) } ?? .null
            object["cosigned_by"] = .array(
                shard.witnessed?.cosignatures.map { cosignature in
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
        var object = found.shards.last.map(members) ?? JSONObject()
        object["shards"] = .array(found.shards.map { .object(members($0)) })
        object["unsigned_shard"] = found.begun.map { .integer(Int64(clamping: $0)) } ?? .null
        return .object(object)
    }

    private func report(_ found: SeriesVerifier.Report, older: Checkpoint?) {
        for shard in found.shards.dropLast() {
            let what = shard.report == nil ? "pruned, final checkpoint only" : "closed, whole"
            print("shard \(shard.number)      \(shard.checkpoint.size) entries, \(what)")
        }
        guard let last = found.shards.last else { return }
        let tail = last.report?.journalTail ?? 0
        print("log          \(last.checkpoint.origin)")
        print("entries      \(last.checkpoint.size) under the checkpoint, \(tail) after it (not signed yet)")
        print("last entry   \(last.report?.lastEntryTime?.rfc3339 ?? "-")")
        print("root         \(Data(last.checkpoint.root).base64EncodedString())")
        for key in last.signers { print("signed by    \(key)") }
        if let witnessed = last.witnessed {
            print("witnessed    \(witnessed.checkpoint.size) entries")
            for cosignature in witnessed.cosignatures { print("cosigned by  \(cosignature.words)") }
        }
        if let older { print("continues    the checkpoint of \(older.size) entries that was kept") }
        if let first = found.shards.first?.number, first > 1 {
            print("missing      shards 1 to \(first - 1): nothing is said of them")
        }
        if let begun = found.begun {
            print("unsigned     shard \(begun) has begun and has no checkpoint: nothing is said of it")
        }
        print(verdict(found))
    }

    private func verdict(_ found: SeriesVerifier.Report) -> String {
        let files = found.shards.reduce(0) { $0 + ($1.report?.filesChecked ?? 0) }
        let pruned = found.pruned.map { String($0.number) }
        guard !pruned.isEmpty else {
            return "whole: every entry, all \(files) files and the checkpoint's signature agree"
        }
        return "good but for what was pruned: all \(files) files agree; the entries of shard "
            + "\(pruned.joined(separator: ", ")) are gone, as a later entry says"
    }
}
