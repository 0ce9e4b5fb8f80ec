internal import Dispatch
internal import Synchronization

extension LanePool {
    /// Starts a lane, with a thread and a session of its own, unless there are enough: one may have come back just now.
    func startLane() throws(HSMError) {
        let bell = DispatchSemaphore(value: 0)
        let now = now
        let added = state.withLock { state in
            let lane = state.scheduler.addLane(now: now, wanted: configuration.lanes)
            if let lane { state.bells[lane] = bell }
            return lane
        }
        guard let lane = added else { return }
        do throws(HSMError) {
            try DedicatedThread.start("hsm-lane-\(lane)") { self.run(lane, bell) }
        } catch {
            state.withLock { $0.remove(lane) }
            throw error
        }
    }

    /// The life of a lane.
    private func run(_ id: Int, _ bell: DispatchSemaphore) {
        var lane = Lane(login: login, keys: { self.keys.withLock { $0 } }) {
            let now = self.now
            self.state.withLock { $0.scheduler.heard(of: id, now: now) }
        }
        do throws(HSMError) { try lane.open() } catch { note(error) }
        guard returns(id, &lane) else { return }
        while true {
            let now = now
            switch state.withLock({ $0.next(for: id, now: now) }) {
            case .run(let job):
                guard perform(job, &lane, id) == .writtenOff else { continue }
                guard returns(id, &lane) else { return }
            case .drop(let job): job.refuse(HSMError(.deadlineExceeded))
            case .park: bell.wait()
            case .leave:
                // Closed before the lane counts as gone: who has shut down may end the process, and the library with it.
                lane.dropSession()
                state.withLock { $0.remove(id) }
                return
            }
        }
    }

    /// A lane that was written off meanwhile starts afresh where it is wanted, and ends where not.
    private func returns(_ id: Int, _ lane: inout Lane) -> Bool {
        var hasClosed = false
        while true {
            let now = now
            let isWanted: Bool? = state.withLock { state in
                let wasHung = if case .writtenOff = state.scheduler.lanes[id] { true } else { false }
                guard hasClosed || !wasHung else { return nil }
                let isWanted = state.scheduler.readmit(id, wanted: configuration.lanes)
                if hasClosed { state.breaker.probeSoon(now: now) }
                if !isWanted { state.remove(id) }
                return isWanted
            }
            if let isWanted { return isWanted }
            // While it still counts as hung: whoever finalises the library goes by that, and this is a call into it.
            lane.dropSession()
            hasClosed = true
        }
    }

    private func perform(_ job: Job, _ lane: inout Lane, _ id: Int) -> LaneScheduler<Job>.Conclusion {
        let conclusion: LaneScheduler<Job>.Conclusion
        switch job {
        case .signature(let key, let message, let deadline, let completion):
            let result = lane.sign(message, with: key, until: deadline)
            let failure: HSMError? = if case .failure(let error) = result { error } else { nil }
            conclusion = finish(id, lane.takeVerdict(), failure, isSignature: true)
            deliver(conclusion, job) { completion(result) }
        case .task(let run, _):
            let outcome = run(&lane)
            conclusion = finish(id, lane.takeVerdict(), nil, hasSucceeded: outcome.hasSucceeded)
            deliver(conclusion, job, outcome.release)
        case .probe:
            let failure = runProbe(&lane)
            _ = lane.takeVerdict()
            conclusion = finish(id, verdict(onProbe: failure), failure, isCanary: true)
        }
        return conclusion
    }

    private func deliver(_ conclusion: LaneScheduler<Job>.Conclusion, _ job: Job, _ release: () -> Void) {
        switch conclusion {
        case .owed: release()
        case .late: job.refuse(HSMError(.deadlineExceeded))
        case .told, .writtenOff: break
        }
    }

    /// Ends a job under one lock, and empties the queue when the breaker opened.
    private func finish(
        _ id: Int, _ verdict: Lane.Verdict, _ failure: HSMError?, hasSucceeded: Bool = true, isSignature: Bool = false,
        isCanary: Bool = false
    ) -> LaneScheduler<Job>.Conclusion {
        let now = now
        let jitter = verdict == .works ? 0 : configuration.jitter()
        let (conclusion, stranded) = state.withLock { state in
            let conclusion = state.scheduler.finish(id, now: now, succeeded: hasSucceeded && failure == nil)
            if let failure { state.lastFailure = failure }
            state.counters.add(conclusion, isSignature: isSignature && failure == nil)
            // What began before the lane was written off says nothing of the token as it is now.
            let isOld = conclusion == .writtenOff && verdict != .libraryLost
            return (conclusion, isOld ? [] : state.judge(verdict, now: now, jitter: jitter, isCanary: isCanary))
        }
        refuse(stranded)
        return conclusion
    }

    /// Whatever keeps a canary from being signed keeps all work from the token, unless it is the canary's key.
    private func verdict(onProbe failure: HSMError?) -> Lane.Verdict {
        guard let failure, !failure.isAboutKey else { return .works }
        return failure.failureClass == .library ? .libraryLost : .fails(isSevere: true)
    }

    /// A lane could not open its session when it started; it tries again with its first piece of work.
    private func note(_ error: HSMError) {
        let now = now
        let stranded = state.withLock { state in
            state.lastFailure = error
            return error.failureClass == .library ? state.judge(.libraryLost, now: now, jitter: 0) : []
        }
        refuse(stranded)
    }

    func refuse(_ jobs: [Job]) {
        guard !jobs.isEmpty else { return }
        let now = now
        let error = state.withLock { $0.refusal(now: now) } ?? HSMError(.unavailable)
        for job in jobs { job.refuse(error) }
    }
}
