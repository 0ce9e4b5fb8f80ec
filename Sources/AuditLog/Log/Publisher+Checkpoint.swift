extension Publisher {
    /// Asks the signer for a checkpoint of the tree as it is, when it is time and there are new leaves.
    ///
    /// Everything the checkpoint covers is in place before it is signed.
    func proposeIfDue() throws(AuditLogError) {
        let now = ContinuousClock.now
        guard proposal == nil, now >= nextCheckpoint else { return }
        nextCheckpoint = now + interval
        guard tree.size > publishedSize else { return }
        try writeFullFiles()
        try files.put(partialFiles())
        let checkpoint = Checkpoint(origin: around.origin, size: tree.size, root: tree.root.bytes)
        proposal = Proposal(checkpoint: checkpoint, started: now)
        let (signer, inbox) = (around.signer, around.inbox)
        Task {
            do {
                inbox.signed(.success(try await signer.sign(checkpoint.text)))
            } catch {
                inbox.signed(.failure(AuditLogError(.notSigned, "\(error)")))
            }
        }
    }

    /// How often checkpoints are made: rarely enough that the signer has its time for other work.
    private var interval: Duration {
        max(around.options.checkpointInterval, (latency ?? .zero) * around.options.signerShare)
    }

    /// Puts a checkpoint in place if its signature is good.
    func settle(_ signature: Result<[UInt8], AuditLogError>) throws(AuditLogError) {
        guard let proposal else { return }
        self.proposal = nil
        switch signature {
        case .failure(let error):
            around.board.notPublished(error)
        case .success(let bytes):
            let key = around.signer.verifierKey
            let text = proposal.checkpoint.text
            // A signer that has gone wrong must not put a checkpoint in place that nobody can verify.
            guard key.isValid(signature: bytes, of: text) else {
                return around.board.notPublished(AuditLogError(.notSigned, "the signature does not verify"))
            }
            let signed = ContinuousClock.now - proposal.started
            latency = StatusBoard.smoothed(latency, signed)
            let note = SignedNote(text: text, signatures: [.init(name: key.name, keyID: key.keyID, bytes: bytes)])
            try publish(proposal.checkpoint, note.bytes, latency: signed)
        }
    }

    private func publish(_ checkpoint: Checkpoint, _ note: [UInt8], latency: Duration) throws(AuditLogError) {
        // Compare before the swap: whoever wrote here in spite of the lock must not be overwritten.
        guard try OpenFile.contentsIfPresent(of: around.layout.checkpoint) == published else {
            throw AuditLogError(.failed, "another writer changed the checkpoint", path: around.layout.checkpoint)
        }
        try files.put([.init(path: "checkpoint", bytes: note)])
        published = note
        publishedSize = checkpoint.size
        around.board.published(checkpoint, at: around.clock(), latency: self.latency ?? latency, interval: interval)
        try removeOutgrown()
        while let first = retired.first, first.end <= publishedSize {
            // Oldest first, and off the list only when done: a journal with a gap would not open again.
            try around.pool.recycle(first.sequence)
            retired.removeFirst()
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
