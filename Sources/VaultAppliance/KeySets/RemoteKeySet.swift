import AsyncHTTPClient
import Logging
import Minting
import NIOCore
import StrictEncoding
import Synchronization

/// One key set that is kept fresh; a bad answer leaves the last good one in force, for as long as that may be used.
final class RemoteKeySet: Sendable {
    /// What makes two sets the same, so that a reload keeps the keys it has.
    struct Identity: Sendable, Hashable {
        let owner: KeySetOwner
        let location: KeySetLocation.Remote
        let authorities: [UInt8]?
        let algorithms: Set<JWSAlgorithm>
    }

    /// What readiness and metrics show.
    struct Status: Sendable {
        var successes: UInt64 = 0
        var failures: UInt64 = 0
        /// Why the last fetch failed; nil when it did not.
        var fault: String?
    }

    private struct State {
        var status = Status()
        var isFetching = false
        var failuresInARow = 0
        var lastAttempt: ContinuousClock.Instant?
    }

    let identity: Identity
    /// Where verifiers get the keys.
    let keys: RefreshedKeySet
    private let schedule: RefreshSchedule
    private let state = Mutex(State())

    /// A set that has not been fetched yet.
    init(_ identity: Identity, schedule: RefreshSchedule? = nil) {
        self.identity = identity
        self.schedule = schedule ?? RefreshSchedule(refresh: .seconds(identity.location.refresh))
        keys = RefreshedKeySet(maximumAge: identity.location.maximumStaleness)
    }

    /// What became of the fetches so far.
    var status: Status { state.withLock { $0.status } }

    /// Fetches until it is stopped or the task is cancelled.
    func run(group: any EventLoopGroup, logger: Logger, clock: @escaping @Sendable () -> UnixTime) async {
        do {
            let configuration = try KeySetFetch.configuration(
                authorities: identity.authorities, patience: schedule.patience)
            try await HTTPClient.withHTTPClient(eventLoopGroup: group, configuration: configuration) { client in
                let refresher = Refresher(set: self, client: client, logger: logger, clock: clock)
                await withTaskGroup(of: Void.self) { tasks in
                    tasks.addTask { await refresher.runOnSchedule() }
                    tasks.addTask { await refresher.runOnWishes() }
                    await tasks.next()
                    tasks.cancelAll()
                }
            }
        } catch {
            logger.error("a key set is not fetched", metadata: ["owner": "\(identity.owner)", "reason": "\(error)"])
        }
    }

    /// Ends `run`, and with it all fetches.
    func stop() { keys.finish() }

    /// The work of one run.
    private struct Refresher: Sendable {
        let set: RemoteKeySet
        let client: HTTPClient
        let logger: Logger
        let clock: @Sendable () -> UnixTime

        func runOnSchedule() async {
            while !Task.isCancelled {
                await fetch()
                let failures = set.state.withLock { $0.failuresInARow }
                let pause = set.schedule.pause(afterFailures: failures, jitter: Double.random(in: 0...1))
                try? await Task.sleep(for: pause)
            }
        }

        /// Fetches for missed keys, at most once an interval; the wishes of an interval are one.
        func runOnWishes() async {
            for await _ in set.keys.wishes {
                if let last = set.state.withLock({ $0.lastAttempt }) {
                    try? await Task.sleep(until: last + set.schedule.interval, clock: .continuous)
                }
                guard !Task.isCancelled else { return }
                await fetch()
            }
        }

        private func fetch() async {
            let isFree = set.state.withLock { state in
                defer { state.isFetching = true }
                return !state.isFetching
            }
            guard isFree else { return }
            // The keys are as old as the question, not as the answer.
            let askedAt = clock()
            do {
                let location = set.identity.location
                let fetch = KeySetFetch(
                    uri: location.uri, algorithms: set.identity.algorithms, patience: set.schedule.patience)
                let keys = try await fetch.keys(client)
                set.keys.replace(with: keys, fetchedAt: askedAt)
                set.finished(nil)
            } catch {
                guard !Task.isCancelled else { return }
                set.finished(error)
                logger.warning(
                    "a key set could not be fetched; the last one stays in force",
                    metadata: ["owner": "\(set.identity.owner)", "reason": "\(error)"])
            }
        }
    }

    private func finished(_ error: KeySetFetchError?) {
        state.withLock { state in
            state.isFetching = false
            state.lastAttempt = .now
            state.status.fault = error?.description
            if error == nil {
                state.status.successes += 1
                state.failuresInARow = 0
            } else {
                state.status.failures += 1
                state.failuresInARow += 1
            }
        }
    }
}
