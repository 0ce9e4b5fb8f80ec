internal import CVaultSystem

/// Where a journal goes on after a stop or crash.
struct JournalStart: Sendable {
    /// The segment that is written next; nil when none holds entries and none waits.
    let active: UInt64?
    /// Where in it the next batch goes.
    let position: Int
    /// Segments that wait.
    let spares: [UInt64]
    /// Segments that are full.
    let retired: [Journal.Retired]

    /// Sorts the segments by their use, and clears what a batch that was never acknowledged may have left.
    ///
    /// Left as it is, such a remainder could one day be read as the continuation of what was written over its start.
    init(_ segments: [JournalReader.Segment], operations: FileOperations) throws(AuditLogError) {
        guard let last = segments.lastIndex(where: { $0.entries != nil }) ?? segments.indices.first else {
            (active, position, spares, retired) = (nil, SegmentHeader.bytes, [], [])
            return
        }
        active = segments[last].header.sequence
        position = segments[last].end
        spares = segments[(last + 1)...].map(\.header.sequence)
        retired = segments[..<last].compactMap { segment in
            segment.entries.map { Journal.Retired(sequence: segment.header.sequence, end: $0.upperBound) }
        }
        for segment in segments[last...].prefix(2) {
            try JournalStart.settle(segment, operations: operations)
        }
    }

    /// Makes sure that a segment's last batch is on the disk, fills the segment with zeros from its end on, unless it is, and
    /// gives it back its size.
    ///
    /// A batch whose sync failed, or that was never synced, is read from memory as if it were durable; after a failed sync its
    /// pages count as clean, and no later sync would write them. So they are written again.
    private static func settle(_ segment: JournalReader.Segment, operations: FileOperations) throws(AuditLogError) {
        let file = try OpenFile(segment.path, .updating)
        let bytes = try file.contents()
        if segment.entries != nil {
            let start =
                max(0, segment.end - Journal.maximumBatchBytes) / JournalRecord.pageBytes * JournalRecord.pageBytes
            try file.write(bytes[start..<segment.end], at: Int64(start), operations)
            try file.sync(operations)
        }
        let isZero = unsafe bytes[segment.end...].withUnsafeBytes { rest in
            // Safety: the pointer and the count are those of one buffer, which is only read.
            unsafe csystem_is_zero(rest.baseAddress, rest.count) == 1
        }
        guard bytes.count < segment.header.size || !isZero else { return }
        try file.writeZeros(segment.end..<max(segment.header.size, bytes.count), operations)
        try file.sync(operations)
    }
}
