import Crypto
import Foundation
import StrictEncoding
import Synchronization

@testable import AuditLog

/// A witness with a software key and a record in a directory of its own.
final class TestWitness: Sendable {
    let directory: String
    let key: WitnessKey
    let fatal = Mutex<[AuditLogError]>([])
    private let secret = Curve25519.Signing.PrivateKey()
    private let witness: Mutex<Witness?>

    init(_ name: String = "witness.example/w1", in root: String) throws {
        directory = "\(root)/\(UUID().uuidString)"
        key = try WitnessKey(name: name, publicKey: Array(secret.publicKey.rawRepresentation))
        witness = Mutex(nil)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    /// Opens it, or opens it again after a stop.
    func open(_ logs: [VerifierKey], _ operations: FileOperations = .system) throws {
        witness.withLock { $0 = nil }
        let secret = secret
        let opened = try Witness(
            directory: directory, key: key, logs: logs, clock: { UnixTime(seconds: 1_800_000_100) },
            operations: operations, sign: { Array(try secret.signature(for: $0)) },
            onFatal: { error in self.fatal.withLock { $0.append(error) } })
        witness.withLock { $0 = opened }
    }

    /// What it answers, as HTTP has it.
    func answer(_ body: [UInt8]) -> (status: Int, body: [UInt8]) {
        guard let witness = witness.withLock({ $0 }) else { return (503, []) }
        do {
            return (200, try witness.addCheckpoint(body))
        } catch {
            guard case .conflict(let size) = error else { return (error.status, []) }
            return (409, Array("\(size)\n".utf8))
        }
    }

    func checkpoint(of origin: String) -> [UInt8]? {
        witness.withLock { $0 }?.checkpoint(named: Witness.name(of: origin))
    }

    /// Carries between a log and this witness until the task is cancelled, as the front does.
    func carry(_ witnesses: Witnesses, isReachable: @escaping @Sendable () -> Bool = { true }) async throws {
        while !Task.isCancelled {
            guard let body = try await witnesses.request(for: key.name, within: .milliseconds(20)) else { continue }
            guard isReachable() else {
                _ = try witnesses.answered(key.name, status: nil, body: Array("is not reachable".utf8))
                try await Task.sleep(for: .milliseconds(5))
                continue
            }
            let answer = answer(body)
            if try witnesses.answered(key.name, status: answer.status, body: answer.body) == .refused {
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }
}

/// A tree held in memory, to make requests of any kind.
struct TestTree {
    var leaves: [MerkleHash]

    init(_ count: Int, seed: String = "") {
        leaves = (0..<count).map { .leaf(Array("\(seed)\($0)".utf8)[...]) }
    }

    func root(_ size: Int) -> MerkleHash { subtree(0..<size) }

    /// RFC 6962 section 2.1.2, as it is written there.
    func consistency(_ old: Int, _ size: Int) -> [MerkleHash] {
        old == 0 || old == size ? [] : subproof(old, 0..<size, isWhole: true)
    }

    private func subproof(_ old: Int, _ range: Range<Int>, isWhole: Bool) -> [MerkleHash] {
        if old == range.count { return isWhole ? [] : [subtree(range)] }
        let middle = range.lowerBound + Self.split(range.count)
        let left = middle - range.lowerBound
        return old <= left
            ? subproof(old, range.lowerBound..<middle, isWhole: isWhole) + [subtree(middle..<range.upperBound)]
            : subproof(old - left, middle..<range.upperBound, isWhole: false) + [subtree(range.lowerBound..<middle)]
    }

    private func subtree(_ range: Range<Int>) -> MerkleHash {
        if range.isEmpty { return .empty }
        if range.count == 1 { return leaves[range.lowerBound] }
        let middle = range.lowerBound + Self.split(range.count)
        return .node(subtree(range.lowerBound..<middle), subtree(middle..<range.upperBound))
    }

    private static func split(_ count: Int) -> Int {
        var power = 1
        while power * 2 < count { power *= 2 }
        return power
    }
}
