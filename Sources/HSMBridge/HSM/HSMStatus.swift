internal import Synchronization

/// How an HSM stands, at one moment; taking it never waits for the token.
package struct HSMStatus: Sendable, Equatable {
    /// Where the breaker stands.
    package enum Breaker: String, Sendable {
        case closed, open, halfOpen
    }

    /// Lanes at work or ready for it.
    package let lanes: Int
    /// Lanes wanted.
    package let lanesWanted: Int
    /// Lanes that hang inside the library now.
    package let hungLanes: Int
    /// Lanes written off since the start.
    package let lanesWrittenOff: UInt64
    /// Requests that wait.
    package let queueDepth: Int
    /// Mean time of a signature by algorithm; absent until there was one.
    package let serviceTime: [KeyAlgorithm: Duration]
    /// Sessions open now, over the whole module.
    package let openSessions: Int
    /// Sessions opened since the start, over the whole module.
    package let sessionsOpened: UInt64
    /// Signatures released.
    package let signatures: UInt64
    /// Requests refused at the door.
    package let refused: UInt64
    /// Requests whose deadline passed inside.
    package let expired: UInt64
    /// Where the login stands.
    package let login: LoginState
    /// Where the breaker stands.
    package let breaker: Breaker
    /// Shut down, or on the way there.
    package let isStopping: Bool
    /// The PKCS#11 library has to be restarted.
    package let isLibraryLost: Bool
    /// Labels of keys that made a wrong signature.
    package let quarantinedKeys: [String]
    /// Labels of keys that are not on the token.
    package let missingKeys: [String]
    /// How often the library was started anew in order to see the token again.
    package let libraryRestarts: UInt64
    /// No lane can have taken work for longer than a call may take: keys are being made, or calls are slow.
    let isHeldUp: Bool
    /// The last failure of the device, in words; it may be long past.
    package let lastFailure: String?

    /// Why nothing can be signed now, or something is wrong, in words for an operator; empty when all is well.
    package var faults: [String] {
        var faults: [String] = []
        if isStopping { faults.append("the HSM is shut down") }
        if isLibraryLost { faults.append("the PKCS#11 library has to be restarted") }
        if login != .loggedIn { faults.append("the token is not logged in: \(login.rawValue)") }
        if breaker != .closed { faults.append("the token fails: \(lastFailure ?? "no answer")") }
        if hungLanes > 0 { faults.append("\(hungLanes) calls hang inside the PKCS#11 library") }
        if lanes == 0 { faults.append("no lane is at work") }
        if isHeldUp { faults.append("no lane is free: a key is being made, or what they are at takes too long") }
        faults += quarantinedKeys.map { "key \($0) made a wrong signature and is quarantined" }
        faults += missingKeys.map { "key \($0) is not on the token" }
        return faults
    }

    /// Whether signatures can be expected at all: a quarantined key or one hung lane alone stops nothing.
    package var isReady: Bool {
        !isStopping && !isLibraryLost && login == .loggedIn && breaker == .closed && lanes > 0
            && !isHeldUp
    }
}

extension HSM {
    /// How the HSM stands.
    package var status: HSMStatus {
        let sessions = module.sessionCounts
        let keys = keys.withLock { Array($0.values) }
        let quarantined = keys.filter(\.isQuarantined).map(\.reference.label).sorted()
        let missing = keys.filter(\.isMissing).map(\.reference.label).sorted()
        let login = login.state
        let wanted = pool.configuration.lanes
        let now = pool.now
        return pool.state.withLock { state in
            let scheduler = state.scheduler
            var times: [KeyAlgorithm: Duration] = [:]
            for algorithm in KeyAlgorithm.signatures {
                let mean = scheduler.estimates[WorkKind.signature(algorithm).rawValue].mean
                if mean > 0 { times[algorithm] = .nanoseconds(Int64(mean)) }
            }
            let breaker: HSMStatus.Breaker =
                switch state.breaker.state {
                case .closed: .closed
                case .open: .open
                case .halfOpen: .halfOpen
                }
            return HSMStatus(
                lanes: scheduler.activeLanes, lanesWanted: wanted, hungLanes: scheduler.hungLanes,
                lanesWrittenOff: state.counters.hung, queueDepth: scheduler.depth, serviceTime: times,
                openSessions: sessions.open, sessionsOpened: sessions.ever, signatures: state.counters.signatures,
                refused: state.counters.refused, expired: state.counters.expired, login: login, breaker: breaker,
                isStopping: state.isStopping, isLibraryLost: state.isLibraryLost, quarantinedKeys: quarantined,
                missingKeys: missing, libraryRestarts: state.restarts,
                isHeldUp: scheduler.busySince.map { now - $0 >= pool.hangLimit } ?? false,
                lastFailure: state.lastFailure?.description)
        }
    }
}
