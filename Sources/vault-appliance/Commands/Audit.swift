import ArgumentParser
import AuditLog
import Foundation
import StrictEncoding

/// `audit`: what an auditor does with the log, offline.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Check the audit log; needs neither HSM nor network.",
        subcommands: [Verify.self])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Re-hash every entry, authenticate every tile, check the checkpoint's signature.",
            discussion:
                "Exits 0 when the log is whole, 1 when anything is wrong; the first fault is named with its file.")

        @Option(help: "The log's directory.", completion: .directory) var log: String
        @Option(help: "File with the note verifier key.", completion: .file()) var vkey: String
        @Flag(help: "Print JSON for machines.") var json = false

        func run() async throws {
            let text = try String(contentsOf: URL(filePath: vkey), encoding: .utf8)
            let keys = try text.split(separator: "\n").map { try VerifierKey(parsing: String($0)) }
            let report = try LogVerifier.verify(directory: log, verifierKeys: keys, origin: nil) { done, total in
                guard !json, total > 100_000 else { return }
                FileHandle.standardError.write(Data("\r\(done) of \(total) entries".utf8))
            }
            let checkpoint = report.checkpoint
            let root = Data(checkpoint.root).base64EncodedString()
            if json {
                let object: JSONValue = [
                    "origin": .string(checkpoint.origin), "size": .integer(Int64(clamping: checkpoint.size)),
                    "root": .string(root), "signers": .array(report.signers.map { .string($0.description) }),
                    "last_entry_time": report.lastEntryTime.map { .string($0.rfc3339) } ?? .null,
                    "files": .integer(Int64(report.filesChecked)),
                    "tail": .integer(Int64(clamping: report.journalTail)),
                ]
                print(String(decoding: JSONWriter.canonical(object), as: UTF8.self))
            } else {
                print("log          \(checkpoint.origin)")
                print(
                    "entries      \(checkpoint.size) under the checkpoint, \(report.journalTail) after it (not signed yet)"
                )
                print("last entry   \(report.lastEntryTime?.rfc3339 ?? "-")")
                print("root         \(root)")
                print("whole: every entry, all \(report.filesChecked) files and the checkpoint's signature agree")
            }
        }
    }
}
