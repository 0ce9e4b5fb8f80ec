import ArgumentParser
import AuditLog
import Foundation
import StrictEncoding

/// `audit export`: entries for a SIEM, each with its proof if wanted.
struct AuditExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write entries as JSON lines, with their leaf hashes and, on request, their proofs.",
        discussion: """
            Each line has index, entry and leaf_hash (SHA-256(0x00 || canonical JSON of entry), base64); with --proofs also \
            proof, the hashes from the leaf to the root. After the entries of a shard comes a line with its number and its \
            signed checkpoint, which the proofs lead to. With --proofs only what that checkpoint covers is written. An entry \
            that a newer version wrote is written as it stands, and counted: by kind and time it is held against the filters.
            """)

    @OptionGroup var log: LogOption
    @OptionGroup var filters: FilterOptions
    @Option(help: "Only this shard.") var shard: UInt64?
    @Option(help: "From this index on, in each shard.") var from: UInt64 = 0
    @Option(help: "Up to before this index, in each shard.") var to: UInt64 = .max
    @Flag(help: "Add each entry's inclusion proof.") var proofs = false

    func validate() throws {
        guard from <= to else { throw ValidationError("--from must not be after --to") }
    }

    func run() async throws {
        var export = LogExport()
        (export.shard, export.range, export.filter, export.hasProofs) = (shard, from..<to, filters.filter, proofs)
        let outcome = try export.write(log.series) { FileHandle.standardOutput.write(Data($0 + [0x0A])) }
        guard outcome.isFound else { throw CommandFailure("there is no such shard") }
        for shard in outcome.pruned { Terminal.note("shard \(shard) was pruned: nothing to export") }
        NewerEntries.note(outcome.unread, "each is written as it stands")
    }
}

/// `audit schema`: what an entry may hold.
struct AuditSchema: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print the JSON Schema of entries (docs/audit-entry.schema.json).")

    func run() async throws {
        let encoder = JSONSerialization.self
        let object = try encoder.jsonObject(with: Data(JSONWriter.canonical(Entry.schema)))
        let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.data(withJSONObject: object, options: options), as: UTF8.self))
    }
}
