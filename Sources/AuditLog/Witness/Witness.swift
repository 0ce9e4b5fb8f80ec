import Crypto
package import StrictEncoding
import Synchronization

/// A witness of other people's logs: cosigns a checkpoint only if it continues the one it cosigned last.
///
/// What it cosigned last is durable before the cosignature leaves it, and two requests never pass each other: so it
/// vouches for one history of each log, whatever happens to it or to the log. A failed write ends it for good.
/// Source: C2SP tlog-witness.
package final class Witness: Sendable {
    private struct State {
        /// The cosigned notes, by origin.
        var records: [String: Record] = [:]
        var isFailed = false
    }

    /// What was cosigned last of one log.
    private struct Record {
        let checkpoint: Checkpoint
        let bytes: [UInt8]
    }

    /// Signs a message with the key's private half.
    package typealias Sign = @Sendable (_ message: [UInt8]) throws -> [UInt8]

    private let key: WitnessKey
    private let logs: [VerifierKey]
    private let directory: Directory
    private let operations: FileOperations
    private let clock: @Sendable () -> UnixTime
    private let sign: Sign
    private let onFatal: @Sendable (AuditLogError) -> Void
    private let lock: DirectoryLock
    private let state: Mutex<State>

    /// Opens a witness's record.
    ///
    /// - Parameters:
    ///   - directory: Exists, and is this witness's alone; one that is lost must not be made anew under the same key.
    ///   - key: The public half of the key it cosigns with.
    ///   - logs: The keys of the logs it watches; later shards of a log are watched too.
    ///   - clock: The time of cosignatures.
    ///   - sign: Signs with the private half.
    ///   - onFatal: Called once when the record cannot be kept any more.
    /// - Returns: The witness, ready to answer.
    /// - Throws: `locked`, or what is wrong with a record.
    package static func open(
        directory: String, key: WitnessKey, logs: [VerifierKey], clock: @escaping @Sendable () -> UnixTime,
        sign: @escaping Sign, onFatal: @escaping @Sendable (AuditLogError) -> Void
    ) throws(AuditLogError) -> Witness {
        try Witness(
            directory: directory, key: key, logs: logs, clock: clock, operations: .system, sign: sign, onFatal: onFatal)
    }

    /// The same, with system calls that tests can make fail.
    init(
        directory: String, key: WitnessKey, logs: [VerifierKey], clock: @escaping @Sendable () -> UnixTime,
        operations: FileOperations, sign: @escaping Sign, onFatal: @escaping @Sendable (AuditLogError) -> Void
    ) throws(AuditLogError) {
        lock = try DirectoryLock(directory: directory)
        let records = Directory(directory + "/checkpoints")
        if try records.make() { try Directory(directory).sync(operations) }
        state = Mutex(State(records: try Witness.read(records, key: key)))
        self.directory = records
        (self.key, self.logs, self.clock, self.sign) = (key, logs, clock, sign)
        (self.operations, self.onFatal) = (operations, onFatal)
    }

    /// Reads what was cosigned; a record that this key has not cosigned is not this witness's.
    private static func read(_ directory: Directory, key: WitnessKey) throws(AuditLogError) -> [String: Record] {
        var records: [String: Record] = [:]
        for element in try directory.list() where !element.isDirectory {
            let path = "\(directory.path)/\(element.name)"
            // What a crash left half written was never answered for.
            guard !element.name.hasSuffix(".new") else { continue }
            do throws(AuditLogError) {
                let bytes = try OpenFile.contents(of: path)
                let note = try SignedNote(parsing: bytes)
                let checkpoint = try Checkpoint(text: note.text)
                guard try !note.cosignatures(of: [key]).isEmpty, element.name == name(of: checkpoint.origin) else {
                    throw AuditLogError(.badSignature, "is not what this witness has cosigned")
                }
                records[checkpoint.origin] = Record(checkpoint: checkpoint, bytes: bytes)
            } catch {
                throw AuditLogError(error.code, error.reason, path: path)
            }
        }
        return records
    }

    /// A log's name in the witness's paths: the SHA-256 of its origin in hexadecimal.
    ///
    /// Source: C2SP tlog-witness, "Monitor Retrieval Mechanism".
    package static func name(of origin: String) -> String {
        Hexadecimal.string(SHA256.hash(data: Array(origin.utf8)))
    }

    /// Answers an `add-checkpoint` request with the cosignature's line; waits for the disk.
    package func addCheckpoint(_ body: [UInt8]) throws(WitnessRefusal) -> [UInt8] {
        let request: AddCheckpoint
        do { request = try AddCheckpoint(parsing: body) } catch { throw .malformed }
        try authenticate(request)
        guard request.oldSize <= request.checkpoint.size else { throw .malformed }
        // Check and record are one step: of two requests from one state only the first can be granted.
        let (result, failure): (Result<[UInt8], WitnessRefusal>, AuditLogError?) = state.withLock { state in
            guard !state.isFailed else { return (.failure(.failed), nil) }
            do throws(WitnessRefusal) {
                try Witness.check(request, against: state.records[request.checkpoint.origin]?.checkpoint)
            } catch {
                return (.failure(error), nil)
            }
            do {
                return (.success(try record(request, in: &state)), nil)
            } catch {
                state.isFailed = true
                return (.failure(.failed), error as? AuditLogError ?? AuditLogError(.notSigned, "\(error)"))
            }
        }
        if let failure { onFatal(failure) }
        return try result.get()
    }

    /// The last cosigned checkpoint of a log by its name in paths; nil when there is none.
    package func checkpoint(named name: String) -> [UInt8]? {
        state.withLock { state in state.records.first { Witness.name(of: $0.key) == name }?.value.bytes }
    }

    /// A trusted key of the log must have signed, and none of them wrongly.
    private func authenticate(_ request: AddCheckpoint) throws(WitnessRefusal) {
        let origin = request.checkpoint.origin
        let keys = logs.filter { LogProof.isOrigin(origin, of: $0.name) }
        guard !keys.isEmpty else { throw .unknownLog }
        do {
            var named: [VerifierKey] = []
            for key in keys { named.append(try key.named(origin)) }
            try request.note.verified(by: named)
        } catch {
            throw .untrusted
        }
    }

    private static func check(_ request: AddCheckpoint, against known: Checkpoint?) throws(WitnessRefusal) {
        let size = known?.size ?? 0
        guard request.oldSize == size else { throw .conflict(size: size) }
        var oldRoot = MerkleHash.empty
        if let known {
            // Two trees of one size are a conflict to the standard; of two sizes the proof cannot hold.
            if known.size == request.checkpoint.size, known.root != request.checkpoint.root {
                throw .conflict(size: size)
            }
            oldRoot = MerkleHash(bytes: known.root[...])
        }
        let isConsistent = MerkleProof.isConsistent(
            oldSize: size, oldRoot: oldRoot, size: request.checkpoint.size,
            root: MerkleHash(bytes: request.checkpoint.root[...]), proof: request.proof)
        guard isConsistent else { throw .inconsistent }
    }

    /// Cosigns, keeps the cosigned note durably, and only then gives the cosignature away.
    private func record(_ request: AddCheckpoint, in state: inout State) throws -> [UInt8] {
        let text = request.note.text
        let time = UInt64(clamping: clock().seconds)
        let line = key.line(time: time, signature: try sign(WitnessKey.message(text, time: time)))
        guard let signed = key.time(of: line, text: text) else {
            throw AuditLogError(.notSigned, "the signature does not verify")
        }
        let checkpoint = request.checkpoint
        let kept = trustedOnly(request).adding([Cosignature(witness: key, time: signed, line: line)])
        try LastCheckpoint(path: "\(directory.path)/\(Witness.name(of: checkpoint.origin))").write(
            kept.bytes, operations)
        state.records[checkpoint.origin] = Record(checkpoint: checkpoint, bytes: kept.bytes)
        return line.text
    }

    /// The note with the lines that this witness has verified, and no others.
    private func trustedOnly(_ request: AddCheckpoint) -> SignedNote {
        let origin = request.checkpoint.origin
        let keys = logs.compactMap { LogProof.isOrigin(origin, of: $0.name) ? try? $0.named(origin) : nil }
        let lines = request.note.signatures.filter { line in
            keys.contains { $0.keyID == line.keyID && $0.name.hasSameBytes(as: line.name) }
        }
        return SignedNote(text: request.note.text, signatures: lines)
    }
}
