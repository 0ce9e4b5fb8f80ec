package import StrictEncoding

extension AuditLog {
    /// Opens the log of a directory, new or as a stop or crash left it.
    ///
    /// The directory is made (mode 0700) if its parent exists.
    ///
    /// - Parameters:
    ///   - directory: For this log alone; its files get mode 0600.
    ///   - origin: The log's name, also the name of the signer's key.
    ///   - signer: Signs checkpoints.
    ///   - clock: The time of entries.
    ///   - options: Intervals and bounds.
    ///   - onFatal: Called once, on a thread of the log, when nothing can be recorded any more: the process should
    ///     exit.
    /// - Returns: The log, ready to append.
    /// - Throws: `locked` when another process holds it; `rolledBack`, `corruptJournal`, `badTile`, `badBundle`,
    ///   `badRoot`, `badSignature`, `wrongOrigin` or `missingFile` when the directory is not what was left there.
    package static func open(
        directory: String, origin: String, signer: any CheckpointSigner, clock: @escaping @Sendable () -> UnixTime,
        options: AuditLogOptions = AuditLogOptions(), onFatal: @escaping @Sendable (AuditLogError) -> Void
    ) throws(AuditLogError) -> AuditLog {
        try open(
            directory: directory, origin: origin, signer: signer, clock: clock, options: options, operations: .system,
            onFatal: onFatal)
    }

    /// The same, with system calls that tests can make fail.
    static func open(
        directory: String, origin: String, signer: any CheckpointSigner, clock: @escaping @Sendable () -> UnixTime,
        options: AuditLogOptions, operations: FileOperations, onFatal: @escaping @Sendable (AuditLogError) -> Void
    ) throws(AuditLogError) -> AuditLog {
        precondition(
            options.segmentBytes >= 1 << 16 && options.segmentBytes % JournalRecord.pageBytes == 0,
            "a segment holds the largest entry and whole pages")
        guard signer.verifierKey.name.hasSameBytes(as: origin) else {
            throw AuditLogError(.wrongOrigin, "the checkpoint key's name must be the origin")
        }
        let layout = LogLayout(directory)
        if try Directory(layout.directory).make() { try Directory(layout.directory + "/..").sync(operations) }
        let lock = try DirectoryLock(directory: layout.directory)
        for path in [layout.journal, layout.temporary] { try Directory(path).make() }
        try Directory(layout.temporary).removeFiles()
        try Directory(layout.directory).sync(operations)
        let recovered = try LogRecovery.recover(layout: layout, origin: origin, key: signer.verifierKey)
        let start = try JournalStart(recovered.segments, operations: operations)
        let pool = SegmentPool(
            layout: layout, origin: origin, segmentBytes: options.segmentBytes, spares: start.spares,
            lastSequence: recovered.segments.last?.header.sequence ?? 0, operations: operations)
        let around = Publisher.Surroundings(
            layout: layout, origin: origin, signer: signer, clock: clock, options: options, operations: operations,
            queue: CommitQueue(capacity: options.queueCapacity),
            inbox: PublisherInbox(leaves: recovered.tail, retired: start.retired), board: StatusBoard(), pool: pool,
            onFatal: onFatal)
        return try begin(around, recovered, start, lock)
    }

    /// Starts the two threads; each owns its part of what was recovered.
    private static func begin(
        _ around: Publisher.Surroundings, _ recovered: LogRecovery.Result, _ start: JournalStart, _ lock: DirectoryLock
    ) throws(AuditLogError) -> AuditLog {
        let size = recovered.tree.size + UInt64(recovered.tail.count)
        let sequence: UInt64
        if let active = start.active { sequence = active } else { sequence = try around.pool.take() }
        try around.pool.replenish()
        let free = around.operations.freeBytes(around.layout.directory)
        let room = DiskRoom(free: free, headroom: around.options.headroom)
        around.queue.setRoom(room)
        around.board.measured(free: free, room: room)
        around.board.opened(
            size: size, checkpoint: recovered.checkpoint, at: recovered.checkpointTime,
            interval: around.options.checkpointInterval)
        let end = EndOfLog()
        let journal = try Journal(
            sequence: sequence, position: start.position, pool: around.pool, operations: around.operations)
        let commits = CommitThread(
            journal: journal, nextIndex: size, lastTime: recovered.lastTime,
            batchBytes: min(Journal.maximumBatchBytes, around.options.segmentBytes - SegmentHeader.bytes),
            around: around)
        let publisher = Publisher(
            around: around, tree: recovered.tree, bundle: recovered.bundle, published: recovered.checkpointBytes)
        try WorkerThread.start { commits.run() }
        do {
            try WorkerThread.start {
                publisher.run()
                lock.release()
                end.reach()
            }
        } catch {
            around.queue.close()
            throw error
        }
        return AuditLog(queue: around.queue, board: around.board, end: end)
    }
}
