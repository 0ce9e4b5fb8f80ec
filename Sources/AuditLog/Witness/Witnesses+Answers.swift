import StrictEncoding
import Synchronization

extension Witnesses {
    /// What became of an answer.
    package enum Verdict: UInt8, Sendable {
        /// It was no cosignature: wait before asking again.
        case refused = 0
        /// It was one.
        case cosigned = 1
        /// The witness told what it knows: ask again at once.
        case askAgain = 2
    }

    /// The body of the next `add-checkpoint` request to a witness; nil when there is nothing new within the wait.
    ///
    /// - Parameters:
    ///   - name: The name of the witness's key.
    ///   - wait: How long to wait for a checkpoint that it has not cosigned.
    /// - Returns: The body.
    /// - Throws: `badKey` for a name that no witness has.
    package func request(for name: String, within wait: Duration) async throws(AuditLogError) -> [UInt8]? {
        let witness = try key(name)
        let target = await withCheckedContinuation { continuation in
            next(for: witness, within: wait) { continuation.resume(returning: $0) }
        }
        guard let target else { return nil }
        let known = state.withLock { $0.known[witness] }
        let isSame = known.map { $0.origin.hasSameBytes(as: target.checkpoint.origin) } ?? false
        if let request = try? Witnesses.request(target, oldSize: isSame ? known?.size ?? 0 : 0) { return request.bytes }
        // The shard was closed and moved away in this moment: soon there is the next one's first checkpoint.
        try? await Task.sleep(for: .milliseconds(100))
        return nil
    }

    /// Takes what a witness has answered.
    ///
    /// - Parameters:
    ///   - name: The name of the witness's key.
    ///   - status: The HTTP status; nil when there was no answer, and `body` says why.
    ///   - body: The answer's body.
    /// - Returns: What became of it.
    /// - Throws: `badKey` for a name that no witness has.
    package func answered(_ name: String, status: Int?, body: [UInt8]) throws(AuditLogError) -> Verdict {
        let witness = try key(name)
        switch status {
        case 200: return cosigned(by: witness, body)
        case 409: return conflict(witness, body)
        case 422:
            return refused(
                witness, "says that the log does not continue what it cosigned before: a fork, or an older copy",
                contradicts: true)
        case 403: return refused(witness, "trusts none of the keys that sign this log")
        case 404: return refused(witness, "does not know this log")
        case let status?: return refused(witness, "answered \(status)")
        case nil: return refused(witness, String(decoding: body.prefix(200), as: UTF8.self))
        }
    }

    private func key(_ name: String) throws(AuditLogError) -> WitnessKey {
        guard let key = keys.first(where: { $0.name.hasSameBytes(as: name) }) else {
            throw AuditLogError(.badKey, "there is no witness of this name")
        }
        return key
    }

    /// A request that a witness of an honest log can grant; nil when the tiles are not those of the checkpoint any more.
    private static func request(_ target: Target, oldSize: UInt64) throws(AuditLogError) -> AddCheckpoint? {
        let (checkpoint, reader) = (target.checkpoint, TileReader(target.layout, size: target.checkpoint.size))
        let old = min(oldSize, checkpoint.size)
        let proof = try reader.consistencyProof(from: old, to: checkpoint.size)
        let isGood = MerkleProof.isConsistent(
            oldSize: old, oldRoot: try reader.root(of: old), size: checkpoint.size,
            root: MerkleHash(bytes: checkpoint.root[...]), proof: proof)
        guard isGood else { return nil }
        return AddCheckpoint(oldSize: old, proof: proof, note: target.note, checkpoint: checkpoint)
    }

    private func refused(_ witness: WitnessKey, _ problem: String, contradicts: Bool = false) -> Verdict {
        state.withLock { state in
            state.standings[witness]?.problem = problem
            state.standings[witness]?.contradicts = contradicts
        }
        return .refused
    }

    /// The witness remembers another size than it was told; one that is beyond ours is bad news.
    private func conflict(_ witness: WitnessKey, _ body: [UInt8]) -> Verdict {
        let text = String(decoding: body.prefix(32), as: UTF8.self)
        guard let size = UInt64(text.dropLast()), text == "\(size)\n", let target = asked(witness) else {
            return refused(witness, "answered 409 without a size")
        }
        guard size <= target.checkpoint.size else {
            return refused(
                witness, "has cosigned \(size) entries of this log, which has \(target.checkpoint.size): an older copy",
                contradicts: true)
        }
        let isNew = state.withLock { state in
            let isNew = state.known[witness].map { $0.size != size || $0.origin != target.checkpoint.origin } ?? true
            state.known[witness] = (target.checkpoint.origin, size)
            return isNew
        }
        guard !isNew else { return .askAgain }
        // It was asked from the very size that it names. Where that is also the size of the checkpoint, it knows another tree.
        return size == target.checkpoint.size
            ? refused(witness, "has cosigned another log of \(size) entries: a fork", contradicts: true)
            : refused(witness, "goes on answering that it last cosigned \(size) entries")
    }

    private func asked(_ witness: WitnessKey) -> Target? {
        state.withLock { state in state.targets.first { $0.id == state.asked[witness] } }
    }

    /// Checks a cosignature and hands the checkpoint with all that it has to the log.
    private func cosigned(by witness: WitnessKey, _ body: [UInt8]) -> Verdict {
        guard let target = asked(witness), let lines = try? SignedNote.lines(body[...]) else {
            return refused(witness, "sent no cosignature that can be read")
        }
        let line = SignedNote(text: target.note.text, signatures: lines)
        guard let cosignature = try? line.cosignatures(of: [witness]).first else {
            return refused(witness, "sent no cosignature of its key")
        }
        let cosigned: CosignedCheckpoint? = wake { state in take(cosignature, of: target, &state) }
        if let cosigned { target.deliver(cosigned) }
        return .cosigned
    }

    private func take(_ cosignature: Cosignature, of target: Target, _ state: inout State) -> CosignedCheckpoint? {
        let (witness, checkpoint) = (cosignature.witness, target.checkpoint)
        state.known[witness] = (checkpoint.origin, checkpoint.size)
        guard let place = state.targets.firstIndex(where: { $0.id == target.id }) else { return nil }
        state.standings[witness]?.size = checkpoint.size
        state.standings[witness]?.time = cosignature.time
        state.standings[witness]?.problem = nil
        state.standings[witness]?.contradicts = false
        let later = (state.targets[(place + 1)...] + (state.newest.map { [$0] } ?? [])).first?.published
        state.behind[witness] = later
        state.targets[place].cosignatures.removeAll { $0.witness == witness }
        state.targets[place].cosignatures.append(cosignature)
        let cosignatures = state.targets[place].cosignatures
        let hasQuorum = cosignatures.count >= quorum
        if hasQuorum, checkpoint.size >= state.witnessedSize {
            state.witnessedSize = checkpoint.size
            state.unwitnessed = later
        }
        return CosignedCheckpoint(
            checkpoint: checkpoint, note: target.note.adding(cosignatures), hasQuorum: hasQuorum)
    }
}
