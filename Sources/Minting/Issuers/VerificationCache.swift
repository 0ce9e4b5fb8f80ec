import Crypto
import StrictEncoding
import Synchronization

/// Remembers of exact bytes that their signature is good, and the claims in them.
///
/// Users and agents present one token many times, and a P-256 verification costs as much as everything else a request
/// does. Remembered is only what cannot change: the bytes, by their SHA-256, verified under one version of the issuer's
/// keys. Times, audience, role and every other rule are checked on each use. Bounded in entries and in token bytes: two
/// generations, of which the older is dropped whole when the younger is full, so first in is first out.
package final class VerificationCache: Sendable {
    /// What is remembered of a token.
    struct Entry: Sendable {
        let issuer: String
        /// `JSONWebKeySet.version` of the keys it was verified with.
        let keys: [UInt8]
        let type: String?
        let claims: JSONObject
        /// Bytes of the token.
        let size: Int
    }

    private struct Generation {
        var entries: [SHA256Digest: Entry] = [:]
        var size = 0
    }

    private struct Generations {
        var young = Generation()
        var old = Generation()
    }

    private let generations = Mutex(Generations())
    private let capacity: Int
    private let byteBudget: Int

    /// A cache of at most `capacity` tokens that have `byteBudget` bytes together; no capacity remembers nothing.
    package init(capacity: Int = 8192, byteBudget: Int = 8 << 20) {
        self.capacity = capacity
        self.byteBudget = byteBudget
    }

    /// How many tokens are remembered.
    package var count: Int { generations.withLock { $0.young.entries.count + $0.old.entries.count } }

    func entry(for digest: SHA256Digest) -> Entry? {
        generations.withLock { generations in
            if let entry = generations.young.entries[digest] { return entry }
            return generations.old.entries[digest]
        }
    }

    func insert(_ entry: Entry, for digest: SHA256Digest) {
        guard capacity > 1, entry.size <= byteBudget / 2 else { return }
        // Released only after the lock is: freeing thousands of entries takes a while.
        var dropped = Generation()
        generations.withLock { generations in
            if generations.young.entries.count >= capacity / 2
                || generations.young.size + entry.size > byteBudget / 2
            {
                dropped = generations.old
                generations.old = generations.young
                generations.young = Generation()
            }
            if let replaced = generations.young.entries.updateValue(entry, forKey: digest) {
                generations.young.size -= replaced.size
            }
            generations.young.size += entry.size
        }
        withExtendedLifetime(dropped) {}
    }
}
