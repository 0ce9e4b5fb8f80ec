import Glibc
import Synchronization

/// The segments that wait to be written, and the making of new ones.
///
/// They are written full of zeros: a sync of what replaces the zeros needs no metadata.
final class SegmentPool: Sendable {
    /// How many segments wait at most; more than that are removed instead of reused.
    private static let maximumSpares = 2

    private let layout: LogLayout
    private let origin: String
    private let segmentBytes: Int
    private let operations: FileOperations
    /// In their order; never held over work on files, so that a spare one is had at once.
    private let spares: Mutex<[UInt64]>
    /// The last number given, held while a segment is made or given back: whoever needs one in that moment, and finds no
    /// spare one, waits for it instead of making another.
    private let lastSequence: Mutex<UInt64>

    init(
        layout: LogLayout, origin: String, segmentBytes: Int, spares: [UInt64], lastSequence: UInt64,
        operations: FileOperations
    ) {
        self.layout = layout
        self.origin = origin
        self.segmentBytes = segmentBytes
        self.operations = operations
        self.spares = Mutex(spares)
        self.lastSequence = Mutex(lastSequence)
    }

    /// Where a segment is.
    func path(_ sequence: UInt64) -> String { "\(layout.journal)/\(sequence)" }

    /// The next segment to write.
    func take() throws(AuditLogError) -> UInt64 {
        if let spare = takeSpare() { return spare }
        return try lastSequence.withLock { (last: inout UInt64) throws(AuditLogError) -> UInt64 in
            if let spare = takeSpare() { return spare }
            return try make(&last)
        }
    }

    /// Makes sure that one is waiting.
    func replenish() throws(AuditLogError) {
        try lastSequence.withLock { (last: inout UInt64) throws(AuditLogError) in
            if spareCount == 0 { keep(try make(&last)) }
        }
    }

    /// Gives back a segment whose entries tiles and a checkpoint cover; one that is gone already is no fault.
    func recycle(_ sequence: UInt64) throws(AuditLogError) {
        try lastSequence.withLock { (last: inout UInt64) throws(AuditLogError) in
            let temporary = layout.temporary + "/segment"
            let failure = operations.rename(path(sequence), temporary)
            guard failure == 0 || failure == ENOENT else { throw .space("rename", failure, path: path(sequence)) }
            // Before it is written to: a power cut must never leave the new header under the old name. And before the
            // next one goes: segments must disappear in order.
            try Directory(layout.journal).sync(operations)
            if failure == 0, spareCount < SegmentPool.maximumSpares {
                let file = try OpenFile(temporary, .updating)
                if try file.size() == segmentBytes { return keep(try admit(file, at: temporary, &last)) }
            }
            try Directory.removeFile(temporary)
        }
    }

    private var spareCount: Int { spares.withLock { $0.count } }

    private func takeSpare() -> UInt64? { spares.withLock { $0.isEmpty ? nil : $0.removeFirst() } }

    private func keep(_ sequence: UInt64) { spares.withLock { $0.append(sequence) } }

    private func make(_ last: inout UInt64) throws(AuditLogError) -> UInt64 {
        let temporary = layout.temporary + "/segment"
        let file = try OpenFile(temporary, .creating)
        try file.writeZeros(0..<segmentBytes, operations)
        return try admit(file, at: temporary, &last)
    }

    /// Gives a segment its header and its name, durably and in that order.
    private func admit(
        _ file: borrowing OpenFile, at temporary: String, _ last: inout UInt64
    ) throws(AuditLogError) -> UInt64 {
        let sequence = last + 1
        let header = SegmentHeader(sequence: sequence, size: segmentBytes, origin: origin)
        try file.write(header.page[...], at: 0, operations)
        try file.sync(operations)
        let failure = operations.rename(temporary, path(sequence))
        guard failure == 0 else { throw .space("rename", failure, path: path(sequence)) }
        try Directory(layout.journal).sync(operations)
        last = sequence
        return sequence
    }
}
