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
    /// That is the checkpoint itself, or the one in the file `witnessed`, given in bytes. That the log has signed that and
    /// that it belongs to the log's history is the caller's to check.
    func newest(
        _ layout: LogLayout, checkpoint: [UInt8], witnessed: [UInt8]?
    ) throws(AuditLogError) -> Witnessed? {
        for (bytes, path) in [(checkpoint, layout.checkpoint), (witnessed, layout.witnessed)] {
            guard let bytes else { continue }
            do throws(AuditLogError) {
                let note = try SignedNote(parsing: bytes)
                let found = try note.cosignatures(of: keys)
                guard found.count >= quorum else { continue }
                return Witnessed(checkpoint: try Checkpoint(text: note.text), cosignatures: found)
            } catch {
                throw AuditLogError(error.code, error.reason, path: path)
            }
        }
        return nil
    }
}
