import StrictEncoding

extension LogShard {
    /// What a shard is opened with.
    struct Settings: Sendable {
        let directory: String
        /// The log's name; that of a later shard has its number behind it.
        let origin: String
        let signers: CheckpointSigners
        let clock: @Sendable () -> UnixTime
        /// Goes on from shard to shard.
        let time: LogTime
        let options: AuditLogOptions
        let operations: FileOperations
        let onFatal: @Sendable (AuditLogError) -> Void
    }

    /// Opens a shard, new or as a stop or crash left it.
    ///
    /// `admit` is shown what was recovered before anything is written, and may refuse it.
    static func open(
        _ settings: Settings, number: UInt64, onTick: @escaping @Sendable () -> Void,
        admit: (LogLayout, LogRecovery.Result) throws(AuditLogError) -> Void
    ) throws(AuditLogError) -> LogShard {
        let (options, operations) = (settings.options, settings.operations)
        let origin = LogSeries.origin(settings.origin, number)
        let layout = LogLayout(settings.directory)
        try Directory(layout.directory).make()
        // Whoever made it may have ended before it could.
        try Directory.parent(of: layout.directory).sync(operations)
        let lock = try DirectoryLock(directory: layout.directory)
        for path in [layout.journal, layout.temporary] { try Directory(path).make() }
        try Directory(layout.temporary).removeFiles()
        try Directory(layout.directory).sync(operations)
        var keys: [VerifierKey] = []
        for key in settings.signers.verifierKeys { keys.append(try key.named(origin)) }
        let recovered = try LogRecovery.recover(layout: layout, origin: origin, keys: keys)
        try admit(layout, recovered)
        let start = try JournalStart(recovered.segments, operations: operations)
        let pool = SegmentPool(
            layout: layout, origin: origin, segmentBytes: options.segmentBytes, spares: start.spares,
            lastSequence: recovered.segments.last?.header.sequence ?? 0, operations: operations)
        let around = Publisher.Surroundings(
            layout: layout, origin: origin, signers: settings.signers, clock: settings.clock, time: settings.time,
            options: options, operations: operations,
            queue: CommitQueue(capacity: options.queueCapacity),
            inbox: PublisherInbox(retired: start.retired), board: StatusBoard(), pool: pool,
            record: options.lastCheckpointFile.map { LastCheckpoint(path: $0) }, onTick: onTick,
            onFatal: settings.onFatal)
        return try begin(around, recovered, start, lock, number: number)
    }

    /// Starts the two threads; each owns its part of what was recovered.
    private static func begin(
        _ around: Publisher.Surroundings, _ recovered: LogRecovery.Result, _ start: JournalStart, _ lock: DirectoryLock,
        number: UInt64
    ) throws(AuditLogError) -> LogShard {
        let size = recovered.size
        if let last = recovered.lastTime { around.time.advance(to: last) }
        let sequence: UInt64
        if let active = start.active { sequence = active } else { sequence = try around.pool.take() }
        try around.pool.replenish()
        let free = around.operations.freeBytes(around.layout.directory)
        let room = DiskRoom(free: free, headroom: around.options.headroom)
        around.queue.setRoom(room)
        around.board.measured(free: free, room: room)
        around.board.opened(recovered, size: size, options: around.options)
        let end = EndOfLog()
        let journal = try Journal(
            sequence: sequence, position: start.position, pool: around.pool, operations: around.operations)
        let commits = CommitThread(
            journal: journal, nextIndex: size,
            batchBytes: min(Journal.maximumBatchBytes, around.options.segmentBytes - SegmentHeader.bytes),
            around: around)
        let publisher = Publisher(
            around: around, tree: recovered.tree, bundle: recovered.bundle, recoveredSize: size,
            published: recovered.checkpointBytes)
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
        return LogShard(
            number: number, queue: around.queue, board: around.board, signers: around.signers,
            witnesses: around.options.witnesses, end: end)
    }
}
