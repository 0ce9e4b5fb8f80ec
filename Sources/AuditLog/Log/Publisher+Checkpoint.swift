extension Publisher {
    /// Asks the signer for a checkpoint of the tree as it is, when it is time and there are new leaves.
    ///
    /// Everything the checkpoint covers is in place before it is signed.
    func proposeIfDue() throws(AuditLogError) {
        let now = ContinuousClock.now
        guard proposal == nil, now >= nextCheckpoint || !waiting.isEmpty else { return }
        nextCheckpoint = now + interval
        guard tree.size > publishedSize else { return }
        guard !around.signers.isEmpty else {
            // Whoever waits for witnesses of a checkpoint that is in place still has something to wait for.
            return refuseWaiting(from: publishedSize, AuditLogError(.notSigned, "there is no key to sign checkpoints"))
        }
        try writeFullFiles()
        try files.put(partialFiles())
        let checkpoint = Checkpoint(origin: around.origin, size: tree.size, root: tree.root.bytes)
        proposal = Proposal(checkpoint: checkpoint, started: now)
        let inbox = around.inbox
        around.signers.sign(
            checkpoint.text, name: around.origin, patience: around.options.coSigningPatience
        ) { inbox.signed($0) }
    }

    /// How often checkpoints are made: rarely enough that the signer has its time for other work.
    private var interval: Duration {
        max(around.options.checkpointInterval, pace.latency * around.options.signerShare)
    }

    /// Puts a checkpoint in place if its signature is good.
    func settle(_ result: Result<[SignedNote.Signature], AuditLogError>) throws(AuditLogError) {
        guard let proposal else { return }
        self.proposal = nil
        switch result {
        case .failure(let error):
            around.board.notPublished(error)
            answerWaiting(below: proposal.checkpoint.size, with: .failure(error))
        case .success(let signatures):
            pace.record(ContinuousClock.now - proposal.started)
            try publish(proposal.checkpoint, SignedNote(text: proposal.checkpoint.text, signatures: signatures))
        }
    }

    private func publish(_ checkpoint: Checkpoint, _ note: SignedNote) throws(AuditLogError) {
        try replaceCheckpoint(note.bytes)
        publishedSize = checkpoint.size
        keepRecord(note.bytes)
        show(checkpoint, note)
        around.board.published(checkpoint, at: around.clock(), latency: pace.latency, interval: interval)
        if !waitsForWitnesses { answerWaiting(below: publishedSize, with: .success(())) }
        try removeOutgrown()
        while let first = retired.first, first.end <= publishedSize {
            // Oldest first, and off the list only when done: a journal with a gap would not open again.
            try around.pool.recycle(first.sequence)
            retired.removeFirst()
        }
    }

    /// Compares before it swaps: whoever wrote here in spite of the lock must not be overwritten.
    func replaceCheckpoint(_ bytes: [UInt8], with others: [DurableFiles.File] = []) throws(AuditLogError) {
        guard try OpenFile.contentsIfPresent(of: around.layout.checkpoint) == published else {
            throw AuditLogError(.failed, "another writer changed the checkpoint", path: around.layout.checkpoint)
        }
        try files.put([.init(path: "checkpoint", bytes: bytes)] + others)
        published = bytes
    }

    /// Leaves the checkpoint outside the log directory too; what goes wrong with that is a fault, but stops nothing.
    private func keepRecord(_ note: [UInt8]) {
        guard let record = around.record else { return }
        do {
            try record.write(note, around.operations)
            around.board.recorded(nil)
        } catch {
            around.board.recorded(error)
        }
    }

    /// Removes partial tiles and bundles whose full ones the checkpoint covers.
    private func removeOutgrown() throws(AuditLogError) {
        var later: [TilePath] = []
        for tile in outgrown {
            guard tile.endIndex <= publishedSize else {
                later.append(tile)
                continue
            }
            try files.removePartials(of: tile)
        }
        outgrown = later
    }
}
