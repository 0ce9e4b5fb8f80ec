import ArgumentParser
import AuditLog
import Foundation
import StrictEncoding

/// `audit prove`: a receipt for one credential.
struct AuditProve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove", abstract: "Print a proof that a credential is recorded (C2SP tlog-proof).",
        discussion: """
            The proof goes to standard output or --out; the entry it is about to --entry, byte for byte as it was hashed. \
            Whoever has both and the log's verifier key needs nothing else: see audit check-proof. A mint whose signature \
            failed has a second entry, mint.aborted; --all lists every entry of the credential. Without its mint, as where that \
            was pruned, the oldest entry there is gets the proof, and standard error says which.
            """)

    @OptionGroup var log: LogOption
    // base64url: it may begin with a hyphen.
    @Option(parsing: .unconditional, help: "The credential's jti.") var jti: String
    @Option(help: "File for the proof; must not exist yet.", completion: .file()) var out: String?
    @Option(help: "File for the entry; must not exist yet.", completion: .file()) var entry: String?
    @Flag(help: "List the entries instead, one a line as JSON with their proofs.") var all = false

    func run() async throws {
        let found = try log.series.entries(jti: jti)
        let pruned = PrunedShards(in: log.series)
        guard let oldest = found.first else { throw CommandFailure("no entry has this jti\(try pruned.exception)") }
        if all {
            try pruned.note()
            for one in found { print(String(decoding: try line(one), as: UTF8.self)) }
            return
        }
        let mint = found.first { $0.kind == Entry.Kind.mint.rawValue }
        let first = mint ?? oldest
        if mint == nil {
            Terminal.note(
                "of this credential's mint there is no entry\(try pruned.exception): proven is its \(first.kind ?? "-")"
            )
        }
        let proof = try LogProver(directory: first.directory).proof(
            index: first.index, entry: first.bytes, prefersWitnessed: true)
        if let entry { try write(first.bytes, to: entry) }
        guard let out else {
            FileHandle.standardOutput.write(Data(proof.bytes))
            return
        }
        try write(proof.bytes, to: out)
    }

    private func line(_ found: LogSeries.Found) throws -> [UInt8] {
        let proof = try LogProver(directory: found.directory).proof(index: found.index, entry: found.bytes)
        return try LogSeries.line(index: found.index, bytes: found.bytes, proof: proof)
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        do {
            try Data(bytes).write(to: URL(filePath: path), options: .withoutOverwriting)
        } catch {
            throw CommandFailure("\(path): exists already, or cannot be written")
        }
    }
}

/// `audit check-proof`: whether a receipt is good.
struct AuditCheckProof: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-proof", abstract: "Check a proof and its entry; needs no log.",
        discussion: "Exits 0 when the entry is in the log that the key signs, 1 when it is not.")

    @Option(help: "The proof.", completion: .file()) var proof: String
    @Option(help: "The entry, byte for byte.", completion: .file()) var entry: String
    @OptionGroup var keys: KeyOptions
    @OptionGroup var witnesses: WitnessOptions

    func run() async throws {
        let proof = try LogProof(parsing: [UInt8](Data(contentsOf: URL(filePath: self.proof))))
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: entry)))
        let keys = try keys.keys()
        let checkpoint = try proof.verify(entry: bytes, keys: keys.current + keys.retired)
        let cosignatures = try witnesses.policy()?.check(SignedNote(parsing: proof.note)) ?? []
        print("log          \(checkpoint.origin)")
        for cosignature in cosignatures { print("cosigned by  \(cosignature.words)") }
        print("entry        \(proof.index) of \(checkpoint.size)")
        print("good: the entry is in the log under a signed checkpoint")
    }
}
