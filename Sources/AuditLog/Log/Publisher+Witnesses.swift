extension Publisher {
    /// Whether what waits for a checkpoint waits for one with a quorum of cosignatures.
    var waitsForWitnesses: Bool { around.options.witnesses != nil }

    /// Lets witnesses be shown a checkpoint that is in place.
    func show(_ checkpoint: Checkpoint, _ note: SignedNote) {
        let inbox = around.inbox
        around.options.witnesses?.published(checkpoint, note, around.layout) { inbox.cosigned($0) }
    }

    /// The same for the checkpoint that was there when the log was opened.
    func showRecovered() {
        guard let published, let note = try? SignedNote(parsing: published),
            let checkpoint = try? Checkpoint(text: note.text)
        else { return }
        show(checkpoint, note)
    }

    /// Puts cosignatures into the checkpoint's file, and answers those whom a quorum lets go.
    func settle(_ cosigned: CosignedCheckpoint) throws(AuditLogError) {
        let size = cosigned.checkpoint.size
        var others: [DurableFiles.File] = []
        if cosigned.hasQuorum, size >= witnessedSize {
            others.append(.init(path: "witnessed", bytes: cosigned.note.bytes))
        }
        if size == publishedSize {
            try replaceCheckpoint(cosigned.note.bytes, with: others)
        } else {
            try files.put(others)
        }
        guard !others.isEmpty else { return }
        witnessedSize = size
        if waitsForWitnesses { answerWaiting(below: size, with: .success(())) }
    }
}
