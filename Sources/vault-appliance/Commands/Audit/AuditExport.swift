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
            signed checkpoint, which the proofs lead to. With --proofs only what a checkpoint covers is written.
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
        let filter = filters.filter
        var isFound = false
        for (number, directory) in try log.series.shards() where shard == nil || shard == number {
            isFound = true
            guard try !LogSeries.isPruned(directory) else {
                Terminal.note("shard \(number) was pruned: nothing to export")
                continue
            }
            let prover = try? LogProver(directory: directory)
            if let end = try end(prover) {
                try LogReader(directory: directory).forEach(in: from..<end) { (index, bytes) throws(AuditLogError) in
                    guard let entry = try? Entry(jsonBytes: bytes), filter.matches(entry) else { return }
                    let proof = proofs ? try prover?.proof(index: index, entry: bytes) : nil
                    write(try LogSeries.line(index: index, bytes: bytes, proof: proof))
                }
            }
            let note = try? String(contentsOf: URL(filePath: directory + "/checkpoint"), encoding: .utf8)
            write(
                JSONWriter.canonical([
                    "shard": .integer(Int64(clamping: number)), "checkpoint": note.map { .string($0) } ?? .null,
                ]))
        }
        guard isFound else { throw CommandFailure("there is no such shard") }
    }

    /// Where to stop; nil when there is nothing to write.
    private func end(_ prover: LogProver?) throws -> UInt64? {
        let end = proofs ? min(to, prover?.checkpoint.size ?? 0) : to
        return from < end ? end : nil
    }

    private func write(_ line: [UInt8]) {
        FileHandle.standardOutput.write(Data(line + [0x0A]))
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
