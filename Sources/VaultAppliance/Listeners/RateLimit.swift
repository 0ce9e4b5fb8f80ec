import Synchronization

/// A token bucket for each client, in a table of bounded size.
///
/// A request takes one token; tokens come back at a steady rate up to the burst. Asked before a request is parsed.
final class RateLimit: Sendable {
    /// Who is counted: a certificate, or the remote party of a connection without.
    enum Client: Sendable, Hashable {
        case certificate(thumbprint: String)
        case network(ClientNetwork)
        /// All clients for whom the table has no room.
        case others
    }

    private struct Bucket {
        var tokens: Double
        var updated: ContinuousClock.Instant
    }
    private struct State {
        var buckets: [Client: Bucket] = [:]
        var swept: ContinuousClock.Instant?
    }

    private let rate: Double
    private let burst: Double
    private let capacity: Int
    private let state = Mutex(State())

    /// A limit of `limits.requestsPerSecond`; nil when that is 0.
    init?(_ limits: ListenerLimits) {
        guard limits.requestsPerSecond > 0 else { return nil }
        rate = Double(limits.requestsPerSecond)
        burst = Double(max(1, limits.burst))
        capacity = max(1, limits.rememberedClients)
    }

    /// Takes a token; when there is none, the whole seconds until there is one.
    func take(_ client: Client, at now: ContinuousClock.Instant) -> RetryAfter? {
        state.withLock { state in
            let client = place(client, &state, now)
            var bucket = refilled(state.buckets[client] ?? Bucket(tokens: burst, updated: now), now)
            defer { state.buckets[client] = bucket }
            guard bucket.tokens >= 1 else {
                return RetryAfter(seconds: max(1, Int(((1 - bucket.tokens) / rate).rounded(.up))))
            }
            bucket.tokens -= 1
            return nil
        }
    }

    /// How many clients are remembered.
    var remembered: Int { state.withLock { $0.buckets.count } }

    private func refilled(_ bucket: Bucket, _ now: ContinuousClock.Instant) -> Bucket {
        let elapsed = max(.zero, now - bucket.updated)
        return Bucket(tokens: min(burst, bucket.tokens + elapsed / .seconds(1) * rate), updated: now)
    }

    /// The client's own bucket if it has one or there is room for it, else the one shared by all others.
    ///
    /// A full bucket says nothing that a missing one does not, so full ones are dropped; at most once a second, so that
    /// a crowd of new addresses cannot make every request pay for a sweep.
    private func place(_ client: Client, _ state: inout State, _ now: ContinuousClock.Instant) -> Client {
        if state.buckets[client] != nil || state.buckets.count < capacity { return client }
        if state.swept.map({ now - $0 >= .seconds(1) }) ?? true {
            state.swept = now
            state.buckets = state.buckets.filter { refilled($0.value, now).tokens < burst }
        }
        return state.buckets.count < capacity ? client : .others
    }
}

/// When another try has a chance.
///
/// Source: RFC 9110 section 10.2.3.
struct RetryAfter: Sendable, Equatable {
    /// Whole seconds, at least one.
    let seconds: Int
}
