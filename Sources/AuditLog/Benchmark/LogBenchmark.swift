import Crypto
package import StrictEncoding

/// Measures a log by itself, without an HSM: what its durability costs, and how long large ones take.
package struct LogBenchmark: Sendable {
    /// What becomes of the log's bytes.
    package enum Disk: String, CaseIterable, Sendable {
        /// As in production.
        case durable
        /// Written, but never waited for.
        case unsynced
        /// Neither written nor waited for: the log does all else.
        case none

        fileprivate var operations: FileOperations {
            var operations = FileOperations.system
            guard self != .durable else { return operations }
            operations.syncData = { _ in 0 }
            operations.sync = { _ in 0 }
            if self == .none { operations.write = { _, bytes, _ in bytes.count } }
            return operations
        }
    }

    /// Figures of a run of appends.
    package struct Appends: Sendable {
        /// Entries a second.
        package let rate: Double
        /// Entries that one sync made durable, on average.
        package let leavesPerSync: Double
        /// From the call to the durable leaf, on average.
        package let latency: Duration
    }

    private static let origin = "benchmark.example/log"

    /// A signer in software, so that the token's speed plays no part.
    private struct Signer: CheckpointSigner {
        let verifierKey: VerifierKey
        private let key = Curve25519.Signing.PrivateKey()

        init() throws(AuditLogError) {
            verifierKey = try VerifierKey(
                name: origin, algorithm: .ed25519, publicKey: Array(key.publicKey.rawRepresentation))
        }

        func sign(_ text: [UInt8]) async throws -> [UInt8] { Array(try key.signature(for: text)) }
    }

    private let directory: String
    private let entry: Entry
    private let clock: @Sendable () -> UnixTime

    /// A benchmark in a directory that does not exist yet.
    ///
    /// - Parameters:
    ///   - directory: Where the log goes; whoever calls removes it.
    ///   - entryBytes: How long an entry is; from 200 to 1500.
    ///   - clock: The time of entries.
    package init(directory: String, entryBytes: Int, clock: @escaping @Sendable () -> UnixTime) {
        var entry = Entry(kind: .mint)
        entry.jti = "0123456789abcdef0123456789abcdef"
        // Two members of free length stand for the many that a real mint has.
        let rest = max(0, entryBytes - 140)
        entry.identifier = String(repeating: "x", count: min(rest, 400))
        entry.requestedScope = String(repeating: "y", count: max(0, rest - 400))
        (self.directory, self.entry, self.clock) = (directory, entry, clock)
    }

    /// Appends for a while, with so many callers that each wait for their leaf before they send the next entry.
    package func append(_ disk: Disk, callers: Int, for time: Duration) async throws -> Appends {
        // Checkpoints read back what was written; where nothing is, none are made.
        let signers = try disk == .none ? CheckpointSigners([]) : CheckpointSigners([Signer()])
        let log = try open("\(directory)/\(disk.rawValue)-\(callers)", signers, disk.operations)
        let started = ContinuousClock.now
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<callers {
                group.addTask {
                    var count = 0
                    while ContinuousClock.now - started < time {
                        _ = try await log.append(entry)
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        let took = ContinuousClock.now - started
        let status = log.status
        try? await log.close()
        return Appends(
            rate: Double(count) / (took / .seconds(1)),
            leavesPerSync: Double(status.size) / Double(max(1, status.syncs)), latency: took * callers / max(1, count))
    }

    /// Makes a log of so many entries and returns the key that verifies it.
    package func make(entries: Int, progress: @escaping @Sendable (Int) -> Void) async throws -> VerifierKey {
        let signer = try Signer()
        let log = try open("\(directory)/large", CheckpointSigners([signer]), .system)
        let callers = 1024
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<callers {
                group.addTask {
                    for number in stride(from: caller, to: entries, by: callers) {
                        _ = try await log.append(entry)
                        if number % 10_000 == 0 { progress(number) }
                    }
                }
            }
            try await group.waitForAll()
        }
        try await log.close()
        return signer.verifierKey
    }

    /// How long the large log takes to open, ready to append.
    package func open(_ key: VerifierKey) async throws -> Duration {
        let started = ContinuousClock.now
        let log = try open("\(directory)/large", CheckpointSigners([], trusted: [key]), .system)
        let took = ContinuousClock.now - started
        try await log.close()
        return took
    }

    /// How long the whole verification of the large log takes.
    package func verify(_ key: VerifierKey) throws -> Duration {
        let started = ContinuousClock.now
        _ = try LogVerifier.verify(directory: "\(directory)/large", verifierKeys: [key])
        return ContinuousClock.now - started
    }

    private func open(
        _ directory: String, _ signers: CheckpointSigners, _ operations: FileOperations
    ) throws(AuditLogError) -> AuditLog {
        var options = AuditLogOptions()
        options.headroom = 0
        return try AuditLog.open(
            directory: directory, origin: LogBenchmark.origin, signers: signers, clock: clock, options: options,
            operations: operations, onFatal: { _ in })
    }
}
