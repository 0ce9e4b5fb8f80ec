import Foundation
import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog

@Suite(.timeLimit(.minutes(10))) struct WitnessTests {
    /// A request for a checkpoint of a tree, signed by `signer` under `origin`.
    static func request(
        _ tree: TestTree, old: Int, size: Int, signer: TestSigner, origin: String = TestSigner.origin,
        proof: [MerkleHash]? = nil
    ) async throws -> [UInt8] {
        let checkpoint = Checkpoint(origin: origin, size: UInt64(size), root: tree.root(size).bytes)
        let key = try signer.verifierKey.named(origin)
        let signature = SignedNote.Signature(
            name: origin, keyID: key.keyID, bytes: try await signer.sign(checkpoint.text))
        return AddCheckpoint(
            oldSize: UInt64(old), proof: proof ?? tree.consistency(old, size),
            note: SignedNote(text: checkpoint.text, signatures: [signature]), checkpoint: checkpoint
        ).bytes
    }

    private static func root() -> String { NSTemporaryDirectory() + "witness-tests-" + UUID().uuidString }

    @Test func aCosignatureIsThatOfTheStandard() async throws {
        let (root, signer) = (Self.root(), try TestSigner())
        defer { try? FileManager.default.removeItem(atPath: root) }
        let witness = try TestWitness(in: root)
        try witness.open([signer.verifierKey])
        let body = try await Self.request(TestTree(5), old: 0, size: 5, signer: signer)
        let answer = witness.answer(body)
        #expect(answer.status == 200)
        // C2SP tlog-cosignature: key ID || time, big endian || Ed25519 over header, time and the checkpoint's text.
        let line = try #require(String(validating: answer.body, as: UTF8.self))
        #expect(line.hasPrefix("\u{2014} witness.example/w1 ") && line.hasSuffix("\n"))
        let material = try #require(StandardBase64.decode(line.dropLast().split(separator: " ")[2].utf8))
        #expect(material.count == 4 + 8 + 64)
        #expect(UInt64(bigEndianBytes: material[4..<12]) == 1_800_000_100)
        let text = try AddCheckpoint(parsing: body).note.text
        let signed = Array("cosignature/v1\ntime 1800000100\n".utf8) + text
        let plain = try VerifierKey(name: "any", algorithm: .ed25519, publicKey: witness.key.publicKey)
        #expect(plain.isValid(signature: Array(material[12...]), of: signed))
        // The record for monitors carries the log's signature and the witness's.
        let note = try SignedNote(parsing: try #require(witness.checkpoint(of: TestSigner.origin)))
        #expect(try note.verified(by: [signer.verifierKey]).count == 1)
        #expect(try note.cosignatures(of: [witness.key]).map(\.time) == [1_800_000_100])
    }

    @Test func aWitnessKeyIsNoLogKeyAndTheOtherWayRound() throws {
        let (signer, root) = (try TestSigner(), Self.root())
        defer { try? FileManager.default.removeItem(atPath: root) }
        let witness = try TestWitness(in: root)
        #expect(try WitnessKey(parsing: witness.key.description) == witness.key)
        #expect(code { _ = try VerifierKey(parsing: witness.key.description) } == .badKey)
        #expect(code { _ = try WitnessKey(parsing: signer.verifierKey.description) } == .badKey)
    }

    @Test func everyTreeContinuesEveryEarlierOne() async throws {
        let (root, signer) = (Self.root(), try TestSigner())
        defer { try? FileManager.default.removeItem(atPath: root) }
        let tree = TestTree(20)
        for size in 0...20 {
            for old in 0...size {
                let witness = try TestWitness(in: root)
                try witness.open([signer.verifierKey])
                let first = try await Self.request(tree, old: 0, size: old, signer: signer)
                #expect(witness.answer(first).status == 200)
                let next = try await Self.request(tree, old: old, size: size, signer: signer)
                #expect(witness.answer(next).status == 200, "\(old) to \(size)")
            }
        }
    }

    @Test func aForkARollbackAndWhatIsNotTrustedAreRefused() async throws {
        let (root, signer, stranger) = (Self.root(), try TestSigner(), try TestSigner())
        defer { try? FileManager.default.removeItem(atPath: root) }
        let witness = try TestWitness(in: root)
        try witness.open([signer.verifierKey])
        let (tree, fork) = (TestTree(12), TestTree(12, seed: "fork"))
        func status(_ body: [UInt8]) -> Int { witness.answer(body).status }
        #expect(try await status(Self.request(tree, old: 0, size: 8, signer: signer)) == 200)
        // The same size again is cosigned again; with another root it is a fork.
        #expect(try await status(Self.request(tree, old: 8, size: 8, signer: signer)) == 200)
        // C2SP tlog-witness: another tree of the size that was cosigned is a conflict.
        let forked = try await witness.answer(Self.request(fork, old: 8, size: 8, signer: signer))
        #expect(forked.status == 409 && forked.body == Array("8\n".utf8))
        #expect(try await status(Self.request(fork, old: 8, size: 12, signer: signer)) == 422)
        #expect(try await status(Self.request(tree, old: 8, size: 12, signer: signer, proof: [])) == 422)
        // A log that was put back has to name the size that the witness knows, and cannot.
        let conflict = try await witness.answer(Self.request(tree, old: 5, size: 6, signer: signer))
        #expect(conflict.status == 409 && conflict.body == Array("8\n".utf8))
        #expect(try await status(Self.request(tree, old: 0, size: 12, signer: signer)) == 409)
        #expect(try await status(Self.request(tree, old: 8, size: 6, signer: signer, proof: [])) == 400)
        #expect(try await status(Self.request(tree, old: 8, size: 12, signer: stranger)) == 403)
        let other = "other.example/log"
        #expect(try await status(Self.request(tree, old: 0, size: 8, signer: signer, origin: other)) == 404)
        #expect(status(Array("old 8\n\nnot a note\n".utf8)) == 400)
        let proof = tree.consistency(8, 12)
        #expect(
            try await status(
                Self.request(tree, old: 0, size: 8, signer: signer, origin: TestSigner.origin + "/2", proof: proof))
                == 422)
        // A later shard of the log is a log of its own, and known.
        #expect(
            try await status(Self.request(tree, old: 0, size: 8, signer: signer, origin: TestSigner.origin + "/2"))
                == 200)
        #expect(try await status(Self.request(tree, old: 8, size: 12, signer: signer)) == 200)
    }

    @Test(arguments: [
        "", "old 8", "old 8\n", "old 08\n\n", "old -1\n\n", "old +1\n\n", "new 8\n\n", "old 8\nAAAA\n\n",
        "\n\nold 8\n\n",
        "old 8\n\n\n", "old 18446744073709551616\n\n",
    ])
    func aMalformedRequestIsRefused(body: String) throws {
        let root = Self.root()
        defer { try? FileManager.default.removeItem(atPath: root) }
        let witness = try TestWitness(in: root)
        try witness.open([try TestSigner().verifierKey])
        #expect(witness.answer(Array(body.utf8)).status == 400)
    }

    @Test func ofTwoHistoriesAtOnceOneIsCosigned() async throws {
        let (root, signer) = (Self.root(), try TestSigner())
        defer { try? FileManager.default.removeItem(atPath: root) }
        for round in 0..<20 {
            let witness = try TestWitness(in: root)
            try witness.open([signer.verifierKey])
            var bodies: [[UInt8]] = []
            for number in 0..<8 {
                let tree = TestTree(3 + number, seed: "\(round) \(number)")
                bodies.append(try await Self.request(tree, old: 0, size: 3 + number, signer: signer))
            }
            let statuses = await withTaskGroup(of: Int.self) { group in
                for body in bodies { group.addTask { witness.answer(body).status } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.sorted() == [200] + [Int](repeating: 409, count: 7))
        }
    }

    @Test func aStopLosesNothingThatWasCosigned() async throws {
        let (root, signer) = (Self.root(), try TestSigner())
        defer { try? FileManager.default.removeItem(atPath: root) }
        let witness = try TestWitness(in: root)
        let tree = TestTree(12)
        for size in 1...12 {
            try witness.open([signer.verifierKey])
            let body = try await Self.request(tree, old: size - 1, size: size, signer: signer)
            #expect(witness.answer(body).status == 200)
        }
        try witness.open([signer.verifierKey])
        #expect(
            try await witness.answer(Self.request(tree, old: 0, size: 5, signer: signer)).body == Array("12\n".utf8))
    }

    @Test func aRecordThatWasChangedStopsTheStart() async throws {
        let (root, signer) = (Self.root(), try TestSigner())
        defer { try? FileManager.default.removeItem(atPath: root) }
        let witness = try TestWitness(in: root)
        try witness.open([signer.verifierKey])
        #expect(try await witness.answer(Self.request(TestTree(8), old: 0, size: 8, signer: signer)).status == 200)
        let path = "\(witness.directory)/checkpoints/\(Witness.name(of: TestSigner.origin))"
        let bytes = try read(path)
        let text = try SignedNote(parsing: bytes).text
        for position in bytes.indices {
            var flipped = bytes
            flipped[position] ^= 1 << UInt8(position % 8)
            try write(flipped, to: path)
            let fault = code { try witness.open([signer.verifierKey]) }
            // A flip in the log's own line leaves what the witness itself has said whole.
            let note = try? SignedNote(parsing: flipped)
            #expect(fault != nil || note?.text == text, "byte \(position)")
        }
    }

    @Test(arguments: [true, false]) func aFailedWriteEndsItForGood(writes: Bool) async throws {
        let (root, signer) = (Self.root(), try TestSigner())
        defer { try? FileManager.default.removeItem(atPath: root) }
        let isFailing = Mutex(false)
        var operations = FileOperations.system
        if writes {
            let write = operations.write
            operations.write = { isFailing.withLock { $0 } ? -Int(ENOSPC) : write($0, $1, $2) }
        } else {
            let sync = operations.sync
            operations.sync = { isFailing.withLock { $0 } ? EIO : sync($0) }
        }
        let witness = try TestWitness(in: root)
        try witness.open([signer.verifierKey], operations)
        let tree = TestTree(12)
        #expect(try await witness.answer(Self.request(tree, old: 0, size: 4, signer: signer)).status == 200)
        isFailing.withLock { $0 = true }
        #expect(try await witness.answer(Self.request(tree, old: 4, size: 8, signer: signer)).status == 500)
        isFailing.withLock { $0 = false }
        #expect(try await witness.answer(Self.request(tree, old: 4, size: 8, signer: signer)).status == 500)
        #expect(witness.fatal.withLock { $0.count } == 1)
        try witness.open([signer.verifierKey])
        // Whether the last one was kept is open; whichever it is, one history goes on.
        let known = try await witness.answer(Self.request(tree, old: 0, size: 12, signer: signer))
        #expect(known.status == 409 && [Array("4\n".utf8), Array("8\n".utf8)].contains(known.body))
    }

    @Test func twoProcessesNeverHoldOneRecord() throws {
        let (root, signer) = (Self.root(), try TestSigner())
        defer { try? FileManager.default.removeItem(atPath: root) }
        let witness = try TestWitness(in: root)
        try witness.open([signer.verifierKey])
        let second = code {
            _ = try Witness(
                directory: witness.directory, key: witness.key, logs: [], clock: { UnixTime(seconds: 0) },
                operations: .system, sign: { $0 }, onFatal: { _ in })
        }
        #expect(second == .locked)
    }
}
