import StrictEncoding

/// Which witnesses somebody believes, and how many of them must have cosigned a checkpoint.
package struct WitnessPolicy: Sendable {
    /// The keys of those who are believed.
    package let keys: [WitnessKey]
    /// How many of them must have cosigned.
    package let quorum: Int

    /// A policy; refused when its quorum is not from 1 to the number of keys.
    package init(keys: [WitnessKey], quorum: Int) throws(AuditLogError) {
        guard (1...max(1, keys.count)).contains(quorum), !keys.isEmpty else {
            throw AuditLogError(.badKey, "a quorum is from 1 to the number of witnesses")
        }
        self.keys = keys
        self.quorum = quorum
    }

    /// The cosignatures of a note that satisfies the policy.
    @discardableResult
    package func check(_ note: SignedNote) throws(AuditLogError) -> [Cosignature] {
        let found = try note.cosignatures(of: keys)
        guard found.count >= quorum else {
            throw AuditLogError(
                .notWitnessed, "\(found.count) of the witnesses have cosigned the checkpoint, \(quorum) are wanted")
        }
        return found
    }
}

/// Up to where a log is vouched for by a quorum of witnesses.
package struct Witnessed: Sendable, Equatable {
    /// The newest checkpoint that enough have cosigned.
    package let checkpoint: Checkpoint
    /// Theirs, one for each witness.
    package let cosignatures: [Cosignature]
}

extension WitnessPolicy {
    /// The newest checkpoint of a log directory that satisfies the policy; nil when there is none.
    ///
    /// That is the checkpoint itself, or the one in the file `witnessed`, whose signature by the log is checked here.
    /// That it belongs to the log's history is the caller's to check.
    func newest(
        _ layout: LogLayout, checkpoint bytes: [UInt8], keys logKeys: [VerifierKey]
    ) throws(AuditLogError) -> Witnessed? {
        let note = try SignedNote(parsing: bytes)
        let found = try cosignatures(note, path: layout.checkpoint)
        let checkpoint = try Checkpoint(text: note.text)
        if found.count >= quorum { return Witnessed(checkpoint: checkpoint, cosignatures: found) }
        guard let earlier = try OpenFile.contentsIfPresent(of: layout.witnessed) else { return nil }
        do throws(AuditLogError) {
            let note = try SignedNote(parsing: earlier)
            let witnessed = try Checkpoint(text: note.text)
            guard witnessed.origin.hasSameBytes(as: checkpoint.origin) else {
                throw AuditLogError(.wrongOrigin, "is of another log")
            }
            try note.verified(by: logKeys)
            let found = try note.cosignatures(of: keys)
            return found.count >= quorum ? Witnessed(checkpoint: witnessed, cosignatures: found) : nil
        } catch {
            throw AuditLogError(error.code, error.reason, path: layout.witnessed)
        }
    }

    private func cosignatures(_ note: SignedNote, path: String) throws(AuditLogError) -> [Cosignature] {
        do throws(AuditLogError) {
            return try note.cosignatures(of: keys)
        } catch {
            throw AuditLogError(error.code, error.reason, path: path)
        }
    }
}
