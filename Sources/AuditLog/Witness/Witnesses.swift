import StrictEncoding
import Synchronization

/// The witnesses of a log, as the log sees them: what they are shown, what they have cosigned.
///
/// All are shown the same checkpoint until as many as are wanted have cosigned it, or for `patience`; then the newest:
/// else each would cosign another one, and none would ever have its quorum. Somebody else carries requests and answers.
package final class Witnesses: Sendable {
    /// A checkpoint that witnesses are shown.
    struct Target: Sendable {
        let id: UInt64
        let layout: LogLayout
        let checkpoint: Checkpoint
        let note: SignedNote
        let published: ContinuousClock.Instant
        let deliver: @Sendable (CosignedCheckpoint) -> Void
        var shown: ContinuousClock.Instant?
        var cosignatures: [Cosignature] = []
    }

    struct Waiting: Sendable {
        let witness: WitnessKey
        let answer: @Sendable (Target?) -> Void
    }

    struct State {
        /// What witnesses are shown now is the last one; those before it may still be answered.
        var targets: [Target] = []
        /// Published after that.
        var newest: Target?
        var asked: [WitnessKey: UInt64] = [:]
        var standings: [WitnessKey: WitnessStanding] = [:]
        var behind: [WitnessKey: ContinuousClock.Instant] = [:]
        /// What a witness cosigned last of which shard, as far as is known here.
        var known: [WitnessKey: (origin: String, size: UInt64)] = [:]
        var witnessedSize: UInt64 = 0
        var unwitnessed: ContinuousClock.Instant?
        var waiting: [UInt64: Waiting] = [:]
        var nextID: UInt64 = 0
    }

    /// How many checkpoints are remembered for late answers.
    private static let maximumTargets = 8
    /// How many questions may wait; each witness has one.
    private static let maximumWaiting = 64

    /// Theirs, with names that differ.
    package let keys: [WitnessKey]
    /// How many cosignatures make a checkpoint count.
    package let quorum: Int
    private let patience: Duration
    let state: Mutex<State>

    /// - Parameters:
    ///   - keys: The witnesses' keys; names and keys are distinct.
    ///   - quorum: How many of them must cosign; from 1 to all.
    ///   - patience: How long a checkpoint is shown that has not its quorum, while there is a newer one.
    package init(_ keys: [WitnessKey], quorum: Int, patience: Duration = .seconds(2)) {
        precondition((1...max(1, keys.count)).contains(quorum), "a quorum of witnesses that exist")
        self.keys = keys
        self.quorum = quorum
        self.patience = patience
        state = Mutex(State(standings: Dictionary(uniqueKeysWithValues: keys.map { ($0, .init(name: $0.name)) })))
    }

    /// How each witness stands, in the order of the configuration.
    package var standings: [WitnessStanding] {
        state.withLock { state in
            keys.compactMap { key in
                var standing = state.standings[key]
                standing?.lag = state.behind[key].map { .now - $0 }
                return standing
            }
        }
    }

    /// The size of the last checkpoint of this shard that has its quorum, and how long a newer one has had none.
    package var witnessed: (size: UInt64, lag: Duration?) {
        state.withLock { ($0.witnessedSize, $0.unwitnessed.map { .now - $0 }) }
    }

    /// A checkpoint is in place: from now on witnesses may be shown it.
    func published(
        _ checkpoint: Checkpoint, _ note: SignedNote, _ layout: LogLayout,
        deliver: @escaping @Sendable (CosignedCheckpoint) -> Void
    ) {
        let now = ContinuousClock.now
        wake { state in
            // A shard that is closed is moved away, and its tiles with it: nothing more can be shown of it.
            if let last = state.targets.last, !last.checkpoint.origin.hasSameBytes(as: checkpoint.origin) {
                (state.targets, state.newest, state.witnessedSize) = ([], nil, 0)
                for key in self.keys { state.standings[key]?.size = 0 }
            }
            state.nextID += 1
            state.newest = Target(
                id: state.nextID, layout: layout, checkpoint: checkpoint, note: note, published: now, deliver: deliver)
            for key in self.keys { state.behind[key] = state.behind[key] ?? now }
            state.unwitnessed = state.unwitnessed ?? now
        }
    }

    /// Gives a witness's messenger what to show it, once there is something or the wait is over.
    func next(for witness: WitnessKey, within wait: Duration, _ answer: @escaping @Sendable (Target?) -> Void) {
        let id: UInt64? = wake { state in
            guard state.waiting.count < Witnesses.maximumWaiting else { return nil }
            state.nextID += 1
            state.waiting[state.nextID] = Waiting(witness: witness, answer: answer)
            return state.nextID
        }
        guard let id else { return answer(nil) }
        Task {
            try? await Task.sleep(for: wait)
            self.state.withLock { $0.waiting.removeValue(forKey: id) }?.answer(nil)
        }
    }

    /// Changes the state, then answers whoever can be answered.
    @discardableResult
    func wake<Answer>(_ change: (inout State) -> Answer) -> Answer {
        let (result, ready) = state.withLock { state in
            let result = change(&state)
            advance(&state)
            return (result, takeReady(&state))
        }
        for (one, target) in ready { one.answer(target) }
        return result
    }

    /// Shows the newest checkpoint when the one that is shown has its quorum, or has been shown for long enough.
    private func advance(_ state: inout State) {
        guard let newest = state.newest else { return }
        if let shown = state.targets.last {
            let isOld = shown.shown.map { ContinuousClock.now - $0 >= patience } ?? false
            guard shown.cosignatures.count >= quorum || isOld else { return }
        }
        state.newest = nil
        state.targets.append(newest)
        if state.targets.count > Witnesses.maximumTargets { state.targets.removeFirst() }
    }

    private func takeReady(_ state: inout State) -> [(Waiting, Target)] {
        guard let target = state.targets.last else { return [] }
        let ready = state.waiting.filter { one in
            !target.cosignatures.contains { $0.witness == one.value.witness }
        }
        if !ready.isEmpty { state.targets[state.targets.count - 1].shown = target.shown ?? .now }
        for (id, one) in ready {
            state.waiting[id] = nil
            state.asked[one.witness] = target.id
        }
        return ready.values.map { ($0, target) }
    }
}
