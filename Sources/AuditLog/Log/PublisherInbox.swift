import Dispatch
import Synchronization

/// What the publisher's thread is given by others: leaves to put into tiles, signatures, the end.
final class PublisherInbox: Sendable {
    /// What has come since it was last asked.
    struct Delivery: Sendable {
        var leaves: [CommittedLeaf] = []
        var retired: [Journal.Retired] = []
        var signature: Result<[SignedNote.Signature], AuditLogError>?
        /// Checkpoints with cosignatures, in the order they came.
        var cosigned: [CosignedCheckpoint] = []
        /// Those who wait for a checkpoint that covers their leaf, in the leaves' order.
        var waiting: [Waiting] = []
        var isFinishing = false
    }

    /// A durable leaf whose completion waits for a checkpoint.
    struct Waiting: Sendable {
        let leaf: Leaf
        let completion: PendingEntry.Completion
        let since = ContinuousClock.now

        /// Calls back once; an error says that the leaf is there all the same.
        func answer(_ result: Result<Void, AuditLogError>) {
            completion(result.map { leaf }.mapError { $0.of(recorded: leaf.index) })
        }
    }

    /// With this many leaves the publisher is woken before its time, so that memory stays bounded.
    private static let wakeThreshold = 4096
    /// With this many it is too far behind.
    static let limit = 32_768

    private let state: Mutex<Delivery>
    private let wake = DispatchSemaphore(value: 0)

    /// An inbox that holds the segments which were full at the start.
    init(retired: [Journal.Retired]) { state = Mutex(Delivery(retired: retired)) }

    /// Hands over durable leaves in order; true when the publisher is too far behind for more.
    func add(_ leaves: ArraySlice<CommittedLeaf>, retired: Journal.Retired?, waiting: [Waiting]) -> Bool {
        let (before, after) = state.withLock { state in
            let before = state.leaves.count
            state.leaves.append(contentsOf: leaves)
            if let retired { state.retired.append(retired) }
            state.waiting += waiting
            return (before, state.leaves.count)
        }
        if before < PublisherInbox.wakeThreshold, after >= PublisherInbox.wakeThreshold {
            wake.signal()
        } else if !waiting.isEmpty {
            wake.signal()
        }
        return after > PublisherInbox.limit
    }

    /// The signer has answered.
    func signed(_ result: Result<[SignedNote.Signature], AuditLogError>) {
        state.withLock { $0.signature = result }
        wake.signal()
    }

    /// A witness has cosigned.
    func cosigned(_ checkpoint: CosignedCheckpoint) {
        state.withLock { $0.cosigned.append(checkpoint) }
        wake.signal()
    }

    /// No more leaves will come.
    func finish() {
        state.withLock { $0.isFinishing = true }
        wake.signal()
    }

    /// Waits until something calls for the publisher, at most for `patience`, and takes what there is.
    func take(within patience: Duration) -> Delivery {
        let (seconds, attoseconds) = patience.components
        let nanoseconds = max(0, seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
        _ = wake.wait(timeout: .now() + .nanoseconds(Int(nanoseconds)))
        return takeRest()
    }

    /// Takes what there is without waiting.
    func takeRest() -> Delivery {
        state.withLock { state in
            let delivery = state
            state = Delivery(isFinishing: state.isFinishing)
            return delivery
        }
    }
}
