import Glibc
import Synchronization

/// The segments that wait to be written, and the making of new ones.
///
/// They are written full of zeros: a sync of what replaces the zeros needs no metadata.
final class SegmentPool: Sendable {
    /// How many segments wait at most; more than that are removed instead of reused.
    private static let maximumSpares = 2

    private struct State {
        var spares: [UInt64]
        var lastSequence: UInt64
    }

    private let layout: LogLayout
    private let origin: String
    private let segmentBytes: Int
    private let operations: FileOperations
    /// Held while a segment is made: whoever needs one in that moment waits for it instead of making another.
    private let state: Mutex<State>

    init(
        layout: LogLayout, origin: String, segmentBytes: Int, spares: [UInt64], lastSequence: UInt64,
        operations: FileOperations
    ) {
        self.layout = layout
        self.origin = origin
        self.segmentBytes = segmentBytes
        self.operations = operations
        state = Mutex(State(spares: spares, lastSequence: lastSequence))
    }

    /// Where a segment is.
    func path(_ sequence: UInt64) -> String { "\(layout.journal)/\(sequence)" }

    /// The next segment to write.
    func take() throws(AuditLogError) -> UInt64 {
        try state.withLock { (state: inout State) throws(AuditLogError) -> UInt64 in
            if state.spares.isEmpty { try make(&state) }
            return state.spares.removeFirst()
        }
    }

    /// Makes sure that one is waiting.
    func replenish() throws(AuditLogError) {
        try state.withLock { (state: inout State) throws(AuditLogError) in
            if state.spares.isEmpty { try make(&state) }
        }
    }

    /// Gives back a segment whose entries tiles and a checkpoint cover; one that is gone already is no fault.
    func recycle(_ sequence: UInt64) throws(AuditLogError) {
        try state.withLock { (state: inout State) throws(AuditLogError) in
            let temporary = layout.temporary + "/segment"
            let failure = operations.rename(path(sequence), temporary)
            guard failure == 0 || failure == ENOENT else { throw .space("rename", failure, path: path(sequence)) }
            if failure == 0, state.spares.count < SegmentPool.maximumSpares {
                let file = try OpenFile(temporary, .updating)
                if try file.size() == segmentBytes { return try admit(file, at: temporary, &state) }
            }
            try Directory.removeFile(temporary)
            // Before the next one goes: segments must disappear in order, even over a power cut.
            try Directory(layout.journal).sync(operations)
        }
    }

    private func make(_ state: inout State) throws(AuditLogError) {
        let temporary = layout.temporary + "/segment"
        let file = try OpenFile(temporary, .creating)
        try file.writeZeros(0..<segmentBytes, operations)
        try admit(file, at: temporary, &state)
    }

    /// Gives a segment its header and its name, durably and in that order.
    private func admit(_ file: borrowing OpenFile, at temporary: String, _ state: inout State) throws(AuditLogError) {
        let sequence = state.lastSequence + 1
        let header = SegmentHeader(sequence: sequence, size: segmentBytes, origin: origin)
        try file.write(header.page[...], at: 0, operations)
        try file.sync(operations)
        let failure = operations.rename(temporary, path(sequence))
        guard failure == 0 else { throw .space("rename", failure, path: path(sequence)) }
        try Directory(layout.journal).sync(operations)
        state.lastSequence = sequence
        state.spares.append(sequence)
    }
}
