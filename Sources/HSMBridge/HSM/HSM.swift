internal import Dispatch
internal import Synchronization

/// A PKCS#11 token, logged in, with its lanes: the way to every key.
///
/// Opening blocks threads of its own, never the cooperative pool. What was opened is closed by `shutdown` alone.
package final class HSM: Sendable {
    /// How an HSM is run.
    package struct Configuration: Sendable {
        /// Threads that sign, each with a session of its own.
        package var lanes = 2
        /// How many requests may wait.
        package var queue = 1024
        /// A call that takes longer hangs: its lane is written off; red within five seconds.
        package var hangLimit = Duration.milliseconds(4500)
        /// Beyond this many hung lanes none is replaced.
        package var maximumHungLanes = 4
        /// A token that nobody has used for so long signs a canary, so that readiness is true of an idle appliance too.
        package var heartbeat = Duration.milliseconds(1500)
        /// How long that canary may take before its lane is written off; with the heartbeat less than five seconds.
        ///
        /// No request has so long, so a token that is slower serves nobody.
        package var canaryLimit = Duration.seconds(3)
        /// Making a key may take a device this long.
        package var generationLimit = Duration.seconds(120)
        /// Numbers from 0 to 1, for spreading tries in time.
        package var jitter: @Sendable () -> Double = { Double.random(in: 0...1) }
        /// Keys that made a wrong signature; one for all openings of a token whose keys are to stay out of use.
        package var quarantine = KeyQuarantine()

        /// The defaults above.
        package init() {}
    }

    /// The library the token is reached through; shut down by whoever shuts down the last HSM of it.
    package let module: Module
    let login: TokenLogin
    let pool: LanePool
    let configuration: Configuration
    let keys = Mutex<[[UInt8]: BoundKey]>([:])

    /// What the token can do.
    package var profile: TokenProfile { login.profile }

    /// How many lanes it has: as many as were wanted, or as the token has sessions for.
    package var lanes: Int { pool.configuration.lanes }

    /// Opens the token that the URI names, logs in once and starts the lanes.
    package static func open(
        modulePath: String, token: TokenURI, pin: PIN, configuration: Configuration = Configuration()
    ) async throws(HSMError) -> HSM {
        try await open(modulePath: modulePath, token: token, configuration: configuration) { () throws(HSMError) in
            pin
        }
    }

    /// As the other `open`, with a PIN that is asked for once, right before C_Login: `pin` throws when it may not be used
    /// any more.
    package static func open(
        modulePath: String, token: TokenURI, configuration: Configuration = Configuration(),
        pin: @escaping @Sendable () throws(HSMError) -> PIN
    ) async throws(HSMError) -> HSM {
        try await DedicatedThread.run("hsm-open") { () throws(HSMError) in
            try HSM(module: try Module.load(path: modulePath), token: token, configuration: configuration, pin: pin)
        }
    }

    /// As `open`, on this thread, which it blocks.
    init(
        module: Module, token: TokenURI, configuration: Configuration, pin: @escaping TokenLogin.FirstPIN
    ) throws(HSMError) {
        self.module = module
        self.configuration = configuration
        let login = try TokenLogin(module: module, uri: token, pin: pin)
        self.login = login
        let limits = LaneScheduler<Job>.Limits(capacity: max(1, configuration.queue))
        let poolConfiguration = LanePool.Configuration(
            lanes: login.profile.lanes(wanted: configuration.lanes), limits: limits, hangLimit: configuration.hangLimit,
            maximumHungLanes: configuration.maximumHungLanes, heartbeat: configuration.heartbeat,
            canaryLimit: min(configuration.canaryLimit, configuration.hangLimit), jitter: configuration.jitter)
        do throws(HSMError) {
            pool = try LanePool(login: login, configuration: poolConfiguration)
        } catch {
            login.close()
            throw error
        }
    }

    /// Refuses new work, lets what waits finish, logs out, closes every session and forgets the PIN.
    ///
    /// False when a lane hangs inside the library: then its session stays open, the library must not be finalised, and the
    /// process should end with `_exit`. Exit handlers take a library like SoftHSM apart, and a lane at work then crashes;
    /// so shut down before `exit`, always. The token is logged out all the same if it still answers, so that it can be
    /// opened again. Asking again tells whether the lane has come back since.
    package func shutdown(drainingFor limit: Duration = .seconds(5)) async -> Bool {
        let isClean = try? await DedicatedThread.run("hsm-close") { () throws(HSMError) in
            let isClean = self.pool.stop(drainingFor: limit)
            if isClean { self.login.close() } else { self.abandonLogin() }
            return isClean
        }
        return isClean ?? false
    }

    /// Forgets the PIN at once, and logs out on a thread that nobody waits for longer than a call may take: it may hang too.
    private func abandonLogin() {
        _ = login.forgetPIN()
        let isDone = DispatchSemaphore(value: 0)
        let login = login
        do throws(HSMError) {
            try DedicatedThread.start("hsm-logout") {
                login.logOut()
                isDone.signal()
            }
        } catch { return }
        _ = isDone.wait(timeout: .now() + .nanoseconds(Int(pool.hangLimit)))
    }

    /// Runs something on a lane, logged in, and once more when the session turns out to be lost.
    func perform<Answer: Sendable>(
        within limit: Duration = .seconds(30),
        _ body: @escaping @Sendable (borrowing Session) throws(HSMError) -> Answer
    ) async throws(HSMError) -> Answer {
        try await submit(within: limit, patience: configuration.hangLimit, isExclusive: false) {
            (lane) throws(HSMError) in
            try lane.restoreLogin()
            do throws(HSMError) {
                return try lane.withSession(body)
            } catch {
                guard error.failureClass == .session else { throw error }
                lane.dropSession(after: error)
                try lane.restoreLogin()
                return try lane.withSession(body)
            }
        }
    }

    /// Runs something on a lane as it is; exclusive work waits until no other lane is in the library.
    func submit<Answer: Sendable>(
        within limit: Duration, patience: Duration, isExclusive: Bool, kind: WorkKind = .task,
        _ body: @escaping @Sendable (inout Lane) throws(HSMError) -> Answer
    ) async throws(HSMError) -> Answer {
        let result = await withCheckedContinuation { (answer: CheckedContinuation<Result<Answer, HSMError>, Never>) in
            let job = Job.task(
                run: { lane in
                    let result: Result<Answer, HSMError>
                    do throws(HSMError) {
                        result = .success(try body(&lane))
                    } catch {
                        // Of all failures of such work this one alone is never the work's own.
                        if error.failureClass == .library { lane.verdict = .libraryLost }
                        result = .failure(error)
                    }
                    return Job.Outcome(result) { answer.resume(returning: result) }
                },
                refuse: { answer.resume(returning: .failure($0)) })
            pool.submit(
                job, workClass: .upkeep, kind: kind, deadline: .now + limit, patience: patience,
                isExclusive: isExclusive)
        }
        return try result.get()
    }
}
