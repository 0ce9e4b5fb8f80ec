import Foundation
import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog

/// A log in a directory of its own that goes away with the fixture.
final class TestLog: Sendable {
    let root: String
    let signer: TestSigner
    let time = Mutex(UnixTime(seconds: 1_800_000_000))
    let fatal = Mutex<[AuditLogError]>([])

    var directory: String { root + "/log" }

    init() throws {
        root = NSTemporaryDirectory() + "audit-log-tests-" + UUID().uuidString
        signer = try TestSigner()
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    /// Small segments and no checkpoint of itself, unless asked otherwise.
    static func options(interval: Duration = .seconds(3600), segmentBytes: Int = 1 << 16) -> AuditLogOptions {
        var options = AuditLogOptions()
        options.checkpointInterval = interval
        options.segmentBytes = segmentBytes
        options.headroom = 0
        // On a busy machine even a software signature seems to take long.
        options.signerShare = 0
        // Nor does one that comes late mean that there is none: only tests of that wait for less.
        options.closeTimeout = .seconds(90)
        options.strictPatience = .seconds(90)
        return options
    }

    func open(
        _ directory: String? = nil, options: AuditLogOptions = TestLog.options(),
        operations: FileOperations = .system
    ) throws -> AuditLog {
        try AuditLog.open(
            directory: directory ?? self.directory, origin: TestSigner.origin, signers: CheckpointSigners([signer]),
            clock: { self.time.withLock { $0 } }, options: options, operations: operations,
            onFatal: { error in self.fatal.withLock { $0.append(error) } })
    }

    /// Opens the log, appends entries and closes it.
    func write(
        _ count: Int, from first: Int = 0, kind: Entry.Kind = .mint, options: AuditLogOptions = TestLog.options()
    ) async throws {
        let log = try open(options: options)
        try await append(count, from: first, kind: kind, to: log)
        try await log.close()
    }

    /// Appends entries that share syncs.
    @discardableResult
    func append(
        _ count: Int, from first: Int = 0, kind: Entry.Kind = .mint, to log: AuditLog
    ) async throws -> [Leaf] {
        try await withThrowingTaskGroup(of: Leaf.self) { group in
            for number in first..<first + count {
                group.addTask { try await log.append(TestLog.entry(number, kind: kind)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.index < $1.index }
        }
    }

    static func entry(_ number: Int, kind: Entry.Kind = .mint) -> Entry {
        var entry = Entry(kind: kind)
        entry.jti = String(number)
        return entry
    }

    /// Copies the log's directory as it is at this moment, as a crash would leave it.
    func copy(to name: String = UUID().uuidString) throws -> String {
        let copy = "\(root)/\(name)"
        try FileManager.default.copyItem(atPath: directory, toPath: copy)
        return copy
    }

    /// The checkpoint of a shard; `suffix` is what its directory has behind the log's.
    func checkpoint(_ suffix: String = "") throws -> Checkpoint {
        try Checkpoint(text: SignedNote(parsing: AuditLogTests.read(directory + suffix + "/checkpoint")).text)
    }

    /// Lets another key sign a shard's checkpoint, alone.
    func resign(_ suffix: String = "", by other: TestSigner) async throws {
        let checkpoint = try checkpoint(suffix)
        let key = try other.verifierKey.named(checkpoint.origin)
        let signature = SignedNote.Signature(
            name: key.name, keyID: key.keyID, bytes: try await other.sign(checkpoint.text))
        try AuditLogTests.write(
            SignedNote(text: checkpoint.text, signatures: [signature]).bytes, to: directory + suffix + "/checkpoint")
    }

    func verify(_ directory: String? = nil) throws -> VerificationReport {
        try LogVerifier.verify(directory: directory ?? self.directory, verifierKeys: [signer.verifierKey])
    }

    /// The `jti` of every entry, in order.
    func identifiers(_ directory: String? = nil) throws -> [String] {
        var found: [String] = []
        try LogReader(directory: directory ?? self.directory).forEach(in: 0..<UInt64.max) {
            (_, bytes) throws(AuditLogError) in found.append(try Entry(jsonBytes: bytes).jti ?? "")
        }
        return found
    }

    /// The paths of all files below a directory, relative to it.
    static func files(in directory: String) throws -> [String] {
        let all = try FileManager.default.subpathsOfDirectory(atPath: directory)
        return try all.sorted().filter { path in
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(directory)/\(path)")
            return attributes[.type] as? FileAttributeType == .typeRegular
        }
    }
}

/// Waits for something that other threads bring about; the suite's time limit is what ends a wait in vain.
func eventually(_ condition: () throws -> Bool) async throws {
    while try !condition() { try await Task.sleep(for: .milliseconds(2)) }
}

func read(_ path: String) throws -> [UInt8] { try OpenFile.contents(of: path) }

func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
}

/// The code of the error that `body` throws; nil when it throws none.
func code(_ body: () throws -> Void) -> AuditLogError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? AuditLogError)?.code
    }
}

/// The same for work that suspends.
func code(_ body: () async throws -> Void) async -> AuditLogError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? AuditLogError)?.code
    }
}
