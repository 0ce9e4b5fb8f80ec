import Custody
import HSMBridge
import Logging
import Synchronization

extension HSMGroup {
    private enum Event { case tried, timeIsUp }

    /// Tries every token once, side by side: one that hangs keeps the others from nothing.
    ///
    /// With a limit it returns then, whatever has not answered; those are tried on.
    func tryAll(within limit: Duration?) async {
        let (events, report) = AsyncStream<Event>.makeStream()
        let generation = state.withLock { $0.generation }
        let attempts = settings.tokens.indices.map { index in
            Task { await self.keepTrying(index) { report.yield(.tried) } }
        }
        let isCurrent = state.withLock { state in
            guard state.generation == generation, !state.isStopping else { return false }
            state.attempts = attempts
            return true
        }
        guard isCurrent else { return attempts.forEach { $0.cancel() } }
        var missing = attempts.count
        var timers: [Task<Void, Never>] = []
        func end(after time: Duration) {
            timers.append(
                Task {
                    try? await Task.sleep(for: time)
                    report.yield(.timeIsUp)
                })
        }
        if let limit { end(after: limit) }
        var isGraceRunning = false
        for await event in events {
            if case .timeIsUp = event { break }
            missing -= 1
            if missing == 0 { break }
            guard !isGraceRunning, isEnough(keys) else { continue }
            isGraceRunning = true
            end(after: timing.grace)
        }
        timers.forEach { $0.cancel() }
    }

    /// Opens some of the tokens that are not open, each tried once before this returns unless it does not answer.
    func reopen(_ indices: [Int]) async {
        await stopTrying(indices)
        await tryAgain(indices)
    }

    /// As `reopen`, after what tried before was ended; where that hangs, it goes on once it has come back.
    func tryAgain(_ indices: [Int]) async {
        let (events, report) = AsyncStream<Void>.makeStream()
        var attempts: [Int: Task<Void, Never>] = [:]
        let (wanted, hanging) = state.withLock { state -> ([Int], [Int]) in
            // A sealed core opens nothing.
            if case .none = state.pins { return ([], []) }
            let wanted = state.isStopping ? [] : indices.filter { state.members[$0].hsm == nil }
            return (wanted, wanted.filter { state.opening[$0, default: 0] > 0 })
        }
        for index in wanted {
            attempts[index] = Task {
                guard await self.areOver([index], within: nil), !self.isOpen(index) else {
                    report.yield()
                    return
                }
                await self.keepTrying(index) { report.yield() }
            }
        }
        state.withLock { state in
            for (index, task) in attempts where state.attempts.indices.contains(index) { state.attempts[index] = task }
        }
        let timer = Task { [timing] in
            try? await Task.sleep(for: timing.patience)
            report.finish()
        }
        var missing = attempts.count - hanging.count
        if missing == 0 { report.finish() }
        for await _ in events {
            missing -= 1
            if missing == 0 { break }
        }
        timer.cancel()
    }

    /// Ends what tries to open these tokens, and waits for it; false when it hangs inside a library.
    @discardableResult
    func stopTrying(_ indices: [Int]) async -> Bool {
        let tasks = state.withLock { state in
            indices.compactMap { state.attempts.indices.contains($0) ? state.attempts[$0] : nil }
        }
        for task in tasks { task.cancel() }
        return await areOver(indices, within: timing.patience)
    }

    /// Opens a token, however long it takes; `tried` hears of the first attempt's end.
    func keepTrying(_ index: Int, tried: () -> Void) async {
        var pause = timing.firstPause
        var last = await attempt(index)
        tried()
        while let problem = last, !problem.isPermanent, !Task.isCancelled {
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, timing.longestPause)
            // A PIN that the token has refused is not tried again: the bridge remembers it.
            guard !Task.isCancelled else { return }
            last = await attempt(index)
        }
    }

    /// Opens a token and binds its keys; returns why not.
    private func attempt(_ index: Int) async -> StartError? {
        let begun: Int? = state.withLock { state in
            // Whoever cancels an attempt and finds none at work relies on that none begins.
            guard !Task.isCancelled else { return nil }
            state.opening[index, default: 0] += 1
            return state.generation
        }
        guard let generation = begun else { return problem(index, "is not wanted any more", mend: "wait") }
        defer { state.withLock { $0.opening[index, default: 0] -= 1 } }
        do throws(StartError) {
            try await openMember(index, generation)
            return nil
        } catch {
            let isNews = state.withLock { state in
                // What was begun before a sealing says nothing of the time after it.
                guard !Task.isCancelled else { return false }
                let isNews = state.members[index].problem != error
                state.members[index].problem = error
                return isNews && !state.isStopping
            }
            if isNews { logger.warning("a token is not available", metadata: ["reason": "\(error)"]) }
            return error
        }
    }

    private func openMember(_ index: Int, _ generation: Int) async throws(StartError) {
        let token = settings.tokens[index]
        let manifest = state.withLock { $0.manifest }
        let hsm = try await open(token, index, generation, manifest)
        do throws(StartError) {
            // The login may have taken until long after the core was sealed: then no key signs anything.
            try demandCurrent(index, generation)
            let entry = try manifest.token(of: hsm, token, file: settings.manifestFile)
            let keys = try await KeyRing(manifest: manifest, hsm: hsm, file: settings.manifestFile)
            try adopt(hsm, keys, index, generation)
            logger.info("a token is open", metadata: ["token": "\(entry.label)", "serial": "\(entry.serial)"])
        } catch {
            await giveUp([hsm])
            throw error
        }
    }

    /// Opens a token with its PIN, which no attempt holds while it waits in a library for anything but the login.
    private func open(
        _ token: CoreSettings.Token, _ index: Int, _ generation: Int, _ manifest: Manifest
    ) async throws(StartError) -> HSM {
        let (isSealed, isActivated) = state.withLock { state in
            switch state.pins {
            case .none: (true, false)
            case .files: (false, false)
            case .activated: (false, true)
            }
        }
        guard !isSealed else { throw problem(index, "the core is sealed", mend: "have custodians activate it") }
        guard isActivated else {
            return try await HSM.open(token, file: settings.configurationFile, quarantine: quarantine)
        }
        return try await HSM.open(token, settings: settings, manifest: manifest, quarantine: quarantine) {
            (serial) throws(HSMError) in try self.pin(of: serial, generation)
        }
    }

    /// The PIN that custodians gave for a token, for an attempt of this generation and no other.
    private func pin(of serial: String, _ generation: Int) throws(HSMError) -> LockedBytes? {
        try state.withLock { (state) throws(HSMError) in
            guard state.generation == generation, !state.isStopping, case .activated(let pins) = state.pins else {
                throw HSMError(
                    .sealed, function: nil, returnValue: nil,
                    context: "the core was sealed, or got another manifest, meanwhile")
            }
            return pins[serial]
        }
    }

    private func demandCurrent(_ index: Int, _ generation: Int) throws(StartError) {
        let (current, isStopping) = state.withLock { ($0.generation, $0.isStopping) }
        guard !isStopping else { throw problem(index, "the core is stopping", mend: "start it again") }
        guard current == generation else {
            throw problem(index, "the core was sealed, or got another manifest, meanwhile", mend: "wait")
        }
    }

    private func adopt(_ hsm: HSM, _ keys: KeyRing, _ index: Int, _ generation: Int) throws(StartError) {
        let serial = hsm.profile.info.serial
        try state.withLock { (state) throws(StartError) in
            guard state.generation == generation, !state.isStopping else {
                throw problem(index, "the core was sealed, or got another manifest, meanwhile", mend: "wait")
            }
            if let other = state.members.firstIndex(where: { $0.hsm?.profile.info.serial == serial }) {
                throw problem(
                    index, "is the token of \(settings.tokens[other].field) (serial \(serial))",
                    mend: "name each token once, by its serial number")
            }
            state.members[index] = Member(hsm: hsm, keys: keys, problem: nil)
            state.collectKeys()
        }
    }

    private func problem(_ index: Int, _ problem: String, mend: String) -> StartError {
        StartError(
            file: settings.configurationFile, field: "\(settings.tokens[index].field).token", problem: problem,
            mend: mend)
    }

    private func isOpen(_ index: Int) -> Bool { state.withLock { $0.members[index].hsm != nil } }

    /// Whether a core can work with these keys.
    private func isEnough(_ keys: KeyRing) -> Bool {
        let manifest = state.withLock { $0.manifest }
        let mustSign = manifest.keys.contains { $0.purpose == .signing && $0.state == .active }
        // Under a quorum the one checkpoint key may be quarantined: the ceremony for another one needs a core that runs.
        let mustCheckpoint =
            manifest.custody == .development
            || manifest.keys.contains { $0.purpose == .checkpoint && $0.state == .active }
        return (!keys.checkpoints.isEmpty || !mustCheckpoint) && (keys.canSign || !mustSign)
    }

    func demandEnough() throws(StartError) {
        let (problems, keys, manifest) = state.withLock { ($0.members.map(\.problem), $0.keys, $0.manifest) }
        // A mistake in the configuration is not waited out, even if the other tokens would do.
        if let mistake = problems.compactMap({ $0 }).first(where: \.isPermanent) { throw mistake }
        guard !isEnough(keys) else { return }
        if let problem = problems.compactMap({ $0 }).first { throw problem }
        let hasKey = manifest.keys.contains { $0.purpose == .checkpoint && $0.state == .active }
        throw StartError(
            file: settings.manifestFile, field: "keys",
            problem: hasKey ? "no token that is configured holds a key it needs" : "names no active checkpoint key",
            mend: hasKey ? "configure the manifest's tokens" : "a log cannot be kept without one: generate it")
    }
}
