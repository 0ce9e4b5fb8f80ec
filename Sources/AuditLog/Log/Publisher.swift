import StrictEncoding

/// Derives tiles, bundles and checkpoints from what the journal holds; lives on one thread.
///
/// Full tiles and bundles are written as soon as they are full, whatever the signer does, so that memory stays bounded.
/// Partial ones are written when a checkpoint is about to need them.
final class Publisher {
    /// What a publisher shares with the rest of the log.
    struct Surroundings: Sendable {
        let layout: LogLayout
        let origin: String
        let signers: CheckpointSigners
        let clock: @Sendable () -> UnixTime
        let time: LogTime
        let options: AuditLogOptions
        let operations: FileOperations
        let queue: CommitQueue
        let inbox: PublisherInbox
        let board: StatusBoard
        let pool: SegmentPool
        /// The record of the last checkpoint outside the log directory.
        let record: LastCheckpoint?
        /// Called about once a second.
        let onTick: @Sendable () -> Void
        let onFatal: @Sendable (AuditLogError) -> Void
    }

    /// A checkpoint that waits for its signature.
    struct Proposal {
        let checkpoint: Checkpoint
        let started: ContinuousClock.Instant
    }

    /// How many files are put in place together.
    private static let filesAtOnce = 64
    /// How often the disk is asked, at most.
    private static let diskPeriod = Duration.seconds(1)

    let around: Surroundings
    var files: DurableFiles
    private(set) var tree: TileTree
    private var bundle: EntryBundle
    /// How many entries the journal held when the log was opened.
    private let recoveredSize: UInt64
    /// Leaves that wait until those of the journal's tail are in the tree.
    private var leaves: [CommittedLeaf] = []
    /// Checkpoints with cosignatures that are not in place yet; they stay here while the disk is full.
    private var cosigned: [CosignedCheckpoint] = []
    /// What the signer has answered and was not settled yet; it stays here while the disk is full.
    private var signature: Result<[SignedNote.Signature], AuditLogError>?
    /// Full tiles and bundles that are not in place yet; they stay here while the disk is full.
    private var unwritten: [DurableFiles.File] = []
    /// Places that have become full: their partial ones go once a checkpoint covers them.
    var outgrown: [TilePath] = []
    var retired: [Journal.Retired] = []
    var proposal: Proposal?
    /// Under `strict`: completions of leaves that no checkpoint covers yet, in order.
    var waiting: [PublisherInbox.Waiting] = []
    /// The bytes of the checkpoint that is in place.
    var published: [UInt8]?
    var publishedSize: UInt64
    /// Up to here a quorum of witnesses has cosigned since the log was opened.
    var witnessedSize: UInt64 = 0
    var pace = SignerPace()
    var nextCheckpoint: ContinuousClock.Instant
    private var nextDiskCheck = ContinuousClock.now

    init(
        around: Surroundings, tree: TileTree, bundle: EntryBundle, recoveredSize: UInt64, published: [UInt8]?
    ) {
        self.around = around
        self.recoveredSize = recoveredSize
        self.tree = tree
        self.bundle = bundle
        self.published = published
        publishedSize = tree.size
        files = DurableFiles(layout: around.layout, operations: around.operations)
        nextCheckpoint = .now + around.options.checkpointInterval
    }

    /// Publishes until the log is closed or has failed.
    func run() {
        var isFinishing = false
        showRecovered()
        // The tail is read before anybody is waited for.
        attempt { () throws(AuditLogError) in try catchUp() }
        while !isFinishing, around.queue.failure == nil {
            let delivery = around.inbox.take(within: patience)
            attempt { () throws(AuditLogError) in try take(delivery) }
            around.queue.setBacklogged(leaves.count > PublisherInbox.limit)
            attempt { () throws(AuditLogError) in try proposeIfDue() }
            attempt { () throws(AuditLogError) in try housekeep() }
            refuseLate()
            isFinishing = delivery.isFinishing
        }
        finish()
    }

    /// Time until something is to be done of itself.
    private var patience: Duration {
        let now = ContinuousClock.now
        return min(nextDiskCheck - now, proposal == nil ? nextCheckpoint - now : Publisher.diskPeriod)
    }

    /// A full disk is tried again at the next turn; everything else is final.
    private func attempt(_ body: () throws(AuditLogError) -> Void) {
        guard around.queue.failure == nil else { return }
        do {
            try body()
        } catch {
            guard error.code != .diskFull else { return around.board.notPublished(error) }
            let failure = AuditLogError(.failed, error.reason, path: error.path)
            around.board.notPublished(failure)
            answerWaiting(below: .max, with: .failure(failure))
            if around.queue.fail(failure, answering: []) { around.onFatal(failure) }
        }
    }

    private func take(_ delivery: PublisherInbox.Delivery) throws(AuditLogError) {
        // All of it is in hand before anything can throw: nothing that was delivered may be lost.
        retired += delivery.retired
        waiting += delivery.waiting
        leaves += delivery.leaves
        cosigned += delivery.cosigned
        signature = delivery.signature ?? signature
        try catchUp()
        for leaf in leaves { try derive(leaf) }
        leaves = []
        if let answer = signature {
            signature = nil
            try settle(answer)
        }
        while let first = cosigned.first {
            try settle(first)
            cosigned.removeFirst()
        }
        try writeFullFiles()
    }

    /// Reads the entries of the journal that no checkpoint covered when the log was opened, a piece at a time.
    ///
    /// Their segments stay until a checkpoint of this publisher covers them. Where the disk is full in between, it goes
    /// on from the tree's size.
    private func catchUp() throws(AuditLogError) {
        guard tree.size < recoveredSize else { return }
        try writeFullFiles()
        _ = try JournalReader(directory: around.layout.journal).read { (record, bytes) throws(AuditLogError) in
            guard record.index == tree.size, record.index < recoveredSize else { return }
            try derive(CommittedLeaf(entry: Array(bytes[record.entry])))
            if unwritten.count >= Publisher.filesAtOnce { try writeFullFiles() }
        }
        guard tree.size == recoveredSize else {
            throw AuditLogError(.corruptJournal, "entries of the journal are gone", path: around.layout.journal)
        }
    }

    /// Throws nothing of itself: a leaf is taken whole.
    private func derive(_ leaf: CommittedLeaf) throws(AuditLogError) {
        bundle.append(leaf.entry[...])
        try tree.append(leaf.hash) { (tile: TileTree.Tile) throws(AuditLogError) in
            unwritten.append(.init(path: tile.path.description, bytes: tile.hashes.tileBytes))
            outgrown.append(tile.path)
        }
        guard bundle.count == TilePath.width else { return }
        let path = TilePath(.entries, index: tree.size / UInt64(TilePath.width) - 1)
        unwritten.append(.init(path: path.description, bytes: bundle.bytes))
        outgrown.append(path)
        bundle = EntryBundle()
    }

    /// Puts the full tiles and bundles in place that are not yet.
    func writeFullFiles() throws(AuditLogError) {
        while !unwritten.isEmpty {
            try files.put(Array(unwritten.prefix(Publisher.filesAtOnce)))
            unwritten.removeFirst(min(unwritten.count, Publisher.filesAtOnce))
        }
    }

    /// The partial tiles and the partial bundle that a checkpoint of the tree as it is now needs.
    func partialFiles() -> [DurableFiles.File] {
        var files = tree.partialTiles.map {
            DurableFiles.File(path: $0.path.description, bytes: $0.hashes.tileBytes)
        }
        if bundle.count > 0 {
            let path = TilePath(
                .entries, index: tree.size / UInt64(TilePath.width), partialWidth: bundle.count)
            files.append(.init(path: path.description, bytes: bundle.bytes))
        }
        return files
    }

    private func housekeep() throws(AuditLogError) {
        guard ContinuousClock.now >= nextDiskCheck else { return }
        if around.signers.isEmpty { around.board.hasNoSigner() }
        nextDiskCheck = .now + Publisher.diskPeriod
        let free = around.operations.freeBytes(around.layout.directory)
        let room = DiskRoom(free: free, headroom: around.options.headroom)
        around.board.measured(free: free, room: room)
        around.queue.setRoom(room)
        try around.pool.replenish()
        around.onTick()
    }

    /// The last checkpoint: waits for the signer, but not for ever.
    private func finish() {
        let deadline = ContinuousClock.now + around.options.closeTimeout
        awaitSignature(until: deadline)
        nextCheckpoint = .now
        attempt { () throws(AuditLogError) in try proposeIfDue() }
        awaitSignature(until: deadline)
        awaitWitnesses(until: min(deadline, .now + around.options.strictPatience))
        // What came in between and after is answered too: nobody waits for a log that has ended.
        waiting += around.inbox.takeRest().waiting
        let reason = around.queue.failure ?? AuditLogError(.notSigned, "the log ended before a checkpoint covered it")
        answerWaiting(below: .max, with: .failure(reason))
    }

    /// Answers those who wait for a checkpoint, up to a size of the tree.
    func answerWaiting(below size: UInt64, with result: Result<Void, AuditLogError>) {
        let count = waiting.firstIndex { $0.leaf.index >= size } ?? waiting.count
        let answered = waiting.prefix(count)
        waiting.removeFirst(count)
        for one in answered { one.answer(result) }
    }

    /// Refuses those who wait for a checkpoint of more than `size` leaves.
    func refuseWaiting(from size: UInt64, _ error: AuditLogError) {
        let first = waiting.firstIndex { $0.leaf.index >= size } ?? waiting.count
        let refused = waiting.suffix(from: first)
        waiting.removeSubrange(first...)
        for one in refused { one.answer(.failure(error)) }
    }

    /// Refuses those who have waited long enough, whatever it is that does not come.
    private func refuseLate() {
        let late = ContinuousClock.now - around.options.strictPatience
        guard let last = waiting.last(where: { $0.since < late }) else { return }
        let missing = waitsForWitnesses ? "a checkpoint and a quorum of its witnesses" : "a checkpoint"
        answerWaiting(
            below: last.leaf.index + 1, with: .failure(AuditLogError(.notSigned, "\(missing) did not come in time")))
    }

    /// Those who wait for witnesses are worth a wait, also at the end of a shard.
    private func awaitWitnesses(until deadline: ContinuousClock.Instant) {
        while waitsForWitnesses, !waiting.isEmpty, around.queue.failure == nil, deadline > .now {
            attempt { () throws(AuditLogError) in try take(around.inbox.take(within: deadline - .now)) }
        }
    }

    private func awaitSignature(until deadline: ContinuousClock.Instant) {
        while proposal != nil, around.queue.failure == nil {
            let rest = deadline - .now
            guard rest > .zero else {
                return around.board.notPublished(AuditLogError(.notSigned, "the signer did not answer in time"))
            }
            attempt { () throws(AuditLogError) in try take(around.inbox.take(within: rest)) }
        }
    }
}
