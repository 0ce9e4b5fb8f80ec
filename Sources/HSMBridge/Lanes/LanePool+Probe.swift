internal import Synchronization

extension LanePool {
    /// Finds a token that failed again, looks for keys that are missing, and signs a canary with the first key that does;
    /// before any key is in use, opening a session has to do.
    func runProbe(_ lane: inout Lane) -> HSMError? {
        do throws(HSMError) {
            try findToken()
            lane.pulse()
            try lane.restoreLogin()
            let keys = keys.withLock { $0 }
            for key in keys where key.isMissing { try lane.search(for: key) }
            let usable = keys.filter(\.canSignCanaries)
            guard !usable.isEmpty else {
                lane.dropSession()
                try lane.open()
                return nil
            }
            return lane.proveToken(with: usable)
        } catch {
            return error
        }
    }

    /// A token that was away may be in another slot; or its library may never see it again without being started anew.
    private func findToken() throws(HSMError) {
        let (isAway, isAlone) = state.withLock { state in
            (!state.breaker.isClosed, state.needsRestart && state.scheduler.exclusiveLane != nil)
        }
        guard isAway else { return }
        if isAlone { try restartLibrary() }
        do throws(HSMError) {
            try login.relocate()
            // Every handle ends when its token is removed, and its number may be another object's afterwards.
            forgetHandles()
            state.withLock { $0.needsRestart = false }
        } catch {
            // Once forgotten the token stays so, also when a library started anew lists it no more, since it is still away.
            if login.isForgotten { state.withLock { $0.needsRestart = true } }
            throw error
        }
    }

    /// No handle from before is used again: each key is looked up before its next use.
    func forgetHandles() { for key in keys.withLock({ $0 }) { key.forgetHandle() } }

    /// Handles from before are numbers that may soon be other objects': all are forgotten first.
    private func restartLibrary() throws(HSMError) {
        forgetHandles()
        try login.restartLibrary()
        state.withLock { $0.restarts += 1 }
    }
}
