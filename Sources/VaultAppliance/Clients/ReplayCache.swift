import Crypto
import StrictEncoding
import Synchronization

/// Remembers which assertions and proofs were used, until they would not be accepted any more: the one place that decides
/// who was first.
///
/// In memory and bounded. When it is full it says so: it never forgets an entry early, since a forgotten one could be used
/// again. What was used before a start is the start's cut-off to refuse.
final class ReplayCache: Sendable {
    /// The entries of a configuration that does not say how many.
    static let standardCapacity = 262_144

    /// What may be used once, made of parsed values.
    struct Use: Sendable, Hashable {
        /// What kind of thing it is; one kind's identifiers say nothing of another's.
        enum Kind: UInt8, Sendable {
            case assertion = 1
            case proof = 2
            case grant = 3
        }

        private let digest: SHA256Digest

        /// The use of `identifier`, which whoever `issuer` is has given.
        init(_ kind: Kind, issuer: String, identifier: String) {
            var hash = SHA256()
            hash.update(data: [kind.rawValue])
            for part in [issuer, identifier] {
                // Lengths keep ("ab", "c") and ("a", "bc") apart.
                var length = UInt64(part.utf8.count)
                var prefix: [UInt8] = []
                for _ in 0..<8 {
                    prefix.append(UInt8(truncatingIfNeeded: length))
                    length >>= 8
                }
                hash.update(data: prefix)
                hash.update(data: Array(part.utf8))
            }
            digest = hash.finalize()
        }
    }

    /// What became of a use.
    enum Outcome: Sendable, Equatable {
        /// It was the first.
        case first
        /// It was used before, or could have been: it has expired, or others that ended with it have been forgotten.
        case used
        /// There is no room to remember it; seconds until there may be.
        case full(retryAfter: Int)
    }

    private struct State {
        var uses: Set<Use> = []
        /// The same by the second in which they may be forgotten, each with the client that it was of.
        var endings: [Int64: [(use: Use, client: String)]] = [:]
        /// How many are of each client.
        var shares: [String: Int] = [:]
        /// All that was forgotten ended before this second; it never goes back, even if the clock does.
        ///
        /// What was remembered sets it, not the clock: one jump into the future forgets what it must, and no more is
        /// refused after it than what lives no longer than that did.
        var forgottenBefore: Int64 = .min
        /// The second of the last search for what may be forgotten.
        var lastSweep: Int64 = .min
    }

    private let state = Mutex(State())
    /// How many uses are remembered at most.
    let capacity: Int

    /// An empty cache.
    init(capacity: Int = standardCapacity) { self.capacity = capacity }

    /// How many uses are remembered.
    var count: Int { state.withLock { $0.uses.count } }

    /// The last quarter is for clients that have less than a sixteenth: none takes the room of all others.
    private var reserve: Int { capacity / 4 }

    /// Uses something that is acceptable up to and with a second; of any number of calls for one use one is `first`.
    ///
    /// `client` is who has proved itself and used it.
    func consume(_ use: Use, of client: String, acceptableUntil: Int64, now: UnixTime) -> Outcome {
        state.withLock { state in
            Self.sweep(&state, before: now.seconds)
            guard acceptableUntil >= max(state.forgottenBefore, now.seconds), !state.uses.contains(use) else {
                return .used
            }
            let isModest = state.shares[client, default: 0] < reserve / 4
            guard state.uses.count < (isModest ? capacity : capacity - reserve) else {
                let next = state.endings.keys.min() ?? now.seconds
                return .full(retryAfter: Int(clamping: max(1, next + 1 - now.seconds)))
            }
            state.uses.insert(use)
            state.endings[acceptableUntil, default: []].append((use, client))
            state.shares[client, default: 0] += 1
            return .first
        }
    }

    /// Forgets what nobody would accept any more; at most once a second, and each entry once.
    private static func sweep(_ state: inout State, before second: Int64) {
        guard second != state.lastSweep else { return }
        state.lastSweep = second
        for ending in state.endings.keys.filter({ $0 < second }) {
            state.forgottenBefore = max(state.forgottenBefore, ending + 1)
            for (use, client) in state.endings.removeValue(forKey: ending) ?? [] {
                state.uses.remove(use)
                let left = state.shares[client, default: 0] - 1
                state.shares[client] = left > 0 ? left : nil
            }
        }
    }
}
