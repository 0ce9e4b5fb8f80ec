import Custody
import Foundation
import StrictEncoding

/// A ceremony of key states among three custodians, whose steps make and remove files: nothing but the engine is at work.
final class CeremonyFixture {
    let quorum: QuorumFixture
    let witness: QuorumFixture.Someone
    let files: TemporaryDirectory
    var root: String { files.url.appending(path: "ceremonies").path }
    let directory: CeremonyDirectory

    static let names = ["one", "two", "three"]

    init(_ change: (inout JSONObject) -> Void = { _ in }) throws {
        files = try TemporaryDirectory()
        quorum = try QuorumFixture()
        witness = try QuorumFixture.Someone("erik")
        var draft = Self.draft(witness: witness)
        change(&draft)
        let plan = try CeremonyPlan(
            draft: .object(draft), manifest: quorum.genesis, now: QuorumFixture.now,
            random: { _ in [UInt8](repeating: 7, count: 16) })
        directory = try CeremonyDirectory.create(root: files.url.appending(path: "ceremonies").path, plan: plan)
    }

    static func draft(witness: QuorumFixture.Someone) -> JSONObject {
        [
            "ceremony": "change-key-state", "purpose": "Retire the key of spring", "administrator": "dora",
            "rehearsal": "waived", "valid_for": "2h",
            "witnesses": [["name": .string(witness.name), "ssh_key": .string(witness.ssh.publicKey.line)]],
            "changes": [["kid": .string(Base64URL.string([UInt8](repeating: 1, count: 32))), "to": "retiring"]],
        ]
    }

    func ceremony(manifest: Manifest? = nil) throws -> Ceremony {
        try Ceremony(directory, manifest: manifest ?? quorum.genesis)
    }

    func approval(_ index: Int, of plan: CeremonyPlan? = nil) throws -> String {
        try quorum.people[index].sign((try plan ?? directory.loadPlan()).bytes, .plan)
    }

    func approve(_ indices: [Int] = [0, 1]) throws {
        for index in indices {
            _ = try ceremony().accept(signature: try approval(index), now: QuorumFixture.now)
        }
    }

    /// What the steps have done.
    var effects: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: files.url.path)) ?? []).filter {
            $0.hasPrefix("effect-")
        }.sorted()
    }

    private func effect(_ name: String) -> String { files.url.appending(path: "effect-\(name)").path }

    /// A step that makes two files, one after the other, so that dying between them leaves half an effect.
    private func step(_ name: String) -> CeremonyStep {
        let paths = ["a", "b"].map { effect("\(name)-\($0)") }
        return CeremonyStep(
            name: name, title: "Make the files of \(name)",
            act: { for path in paths { try PrivateFile.create(path, Array(name.utf8)) } },
            verify: {
                paths.allSatisfy { FileManager.default.fileExists(atPath: $0) } ? ["files": 2] : nil
            },
            undo: { for path in paths { try PrivateFile.remove(path) } })
    }

    func runner(
        now: UnixTime = QuorumFixture.now, steps: [CeremonyStep]? = nil,
        record: @escaping @Sendable (TranscriptLine) async throws -> Void = { _ in },
        pass: @escaping @Sendable (CeremonyPoint) throws(CustodyError) -> Void = { _ in }
    ) throws -> CeremonyRunner {
        CeremonyRunner(
            try ceremony(), steps: steps ?? Self.names.map(step),
            surroundings: .init(clock: { now }, build: { "b" }, record: record, pass: pass))
    }

    /// Calls until nothing more can be done.
    func runToEnd(_ runner: CeremonyRunner) async throws -> CeremonyProgress {
        var progress = try await runner.advance()
        while progress.canAdvance { progress = try await runner.advance() }
        return progress
    }

    func lines() throws -> [String] {
        String(decoding: try PrivateFile.readPublic(directory.transcript), as: UTF8.self).split(separator: "\n").map(
            String.init)
    }

    func write(lines: [String]) throws {
        try PrivateFile.replace(directory.transcript, Array((lines.joined(separator: "\n") + "\n").utf8))
    }

    func verify() throws -> VerifiedCeremony { try VerifiedCeremony(directory, manifests: [quorum.genesis]) }

    /// A plan for keys of these labels, as a person writes it.
    static func generation(_ labels: [String]) -> JSONObject {
        [
            "ceremony": "generate", "purpose": "The keys of autumn", "administrator": "dora", "rehearsal": "waived",
            "keys": .array(
                labels.map { label in
                    [
                        "label": .string(label), "purpose": "signing", "alg": "ES256",
                        "issuer": "https://vault.example", "types": ["at+jwt"], "max_lifetime": 300,
                    ]
                }),
        ]
    }
}
