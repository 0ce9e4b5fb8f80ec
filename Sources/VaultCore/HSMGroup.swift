import CoreProtocol
package import Custody
package import HSMBridge
package import Logging
import Synchronization

/// The tokens of the configuration: opened side by side, and tried again for as long as they are away.
///
/// A token that cannot be had is a fault in status, not the end of the core, as long as the others have an active signing
/// key and an active checkpoint key between them.
package final class HSMGroup: Sendable {
    /// How long things may take.
    package struct Timing: Sendable {
        /// Once the core could work, how long the start waits for the other tokens.
        package var grace = Duration.seconds(5)
        /// Until a token that is away is tried again; doubled each time.
        package var firstPause = Duration.seconds(2)
        package var longestPause = Duration.seconds(60)

        /// The defaults above.
        package init() {}
    }

    /// What is known of one token.
    private struct Member {
        var hsm: HSM?
        var keys = KeyRing()
        var problem: StartError?
    }

    private struct State {
        var members: [Member]
        var keys = KeyRing()
        var attempts: [Task<Void, Never>] = []
        var isStopping = false
    }

    private enum Event { case tried, timeIsUp }

    let manifest: Manifest
    private let settings: CoreSettings
    private let timing: Timing
    private let logger: Logger
    private let state: Mutex<State>

    private init(_ settings: CoreSettings, _ manifest: Manifest, _ timing: Timing, _ logger: Logger) {
        self.settings = settings
        self.manifest = manifest
        self.timing = timing
        self.logger = logger
        state = Mutex(State(members: settings.tokens.map { _ in Member() }))
    }

    /// Opens what can be opened; throws the first fault when that is not enough to work with.
    package static func open(
        _ settings: CoreSettings, manifest: Manifest, timing: Timing = Timing(), logger: Logger
    ) async throws(StartError) -> HSMGroup {
        let group = HSMGroup(settings, manifest, timing, logger)
        await group.tryAll()
        do throws(StartError) {
            try group.demandEnough()
        } catch {
            // Else the tokens stay logged in, and the next start in this process is refused for that alone.
            await group.shutdown()
            throw error
        }
        return group
    }

    /// The keys of the tokens that are open.
    package var keys: KeyRing { state.withLock { $0.keys } }

    /// How each token stands, in the order of the configuration.
    package var standings: [HSMStanding] {
        let members = state.withLock { $0.members }
        return zip(settings.tokens, members).map { token, member in
            HSMStanding(token: token, hsm: member.hsm, problem: member.problem, manifest: manifest)
        }
    }

    /// The HSMs that are open, in the order of the configuration.
    package var open: [HSM] { state.withLock { $0.members.compactMap(\.hsm) } }

    /// Shuts every token down; false when one hangs.
    @discardableResult
    package func shutdown() async -> Bool {
        let (attempts, open) = state.withLock { state in
            state.isStopping = true
            return (state.attempts, state.members.compactMap(\.hsm))
        }
        for attempt in attempts { attempt.cancel() }
        return await withTaskGroup(of: Bool.self) { group in
            for hsm in open { group.addTask { await hsm.shutdown() } }
            return await group.reduce(true) { $0 && $1 }
        }
    }
}

extension HSMGroup {
    /// Tries every token once, side by side: one that hangs keeps the others from nothing.
    private func tryAll() async {
        let (events, report) = AsyncStream<Event>.makeStream()
        let attempts = settings.tokens.indices.map { index in
            Task { await self.keepTrying(index) { report.yield(.tried) } }
        }
        state.withLock { $0.attempts = attempts }
        var missing = attempts.count
        var timer: Task<Void, Never>?
        for await event in events {
            if case .timeIsUp = event { break }
            missing -= 1
            if missing == 0 { break }
            guard timer == nil, isEnough(keys) else { continue }
            timer = Task { [timing] in
                try? await Task.sleep(for: timing.grace)
                report.yield(.timeIsUp)
            }
        }
        timer?.cancel()
    }

    /// Opens a token, however long it takes; `tried` hears of the first attempt's end.
    private func keepTrying(_ index: Int, tried: () -> Void) async {
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
        do throws(StartError) {
            try await openMember(index)
            return nil
        } catch {
            let isNews = state.withLock { state in
                let isNews = state.members[index].problem != error
                state.members[index].problem = error
                return isNews && !state.isStopping
            }
            if isNews { logger.warning("a token is not available", metadata: ["reason": "\(error)"]) }
            return error
        }
    }

    private func openMember(_ index: Int) async throws(StartError) {
        let token = settings.tokens[index]
        let hsm = try await HSM.open(token, file: settings.configurationFile)
        do throws(StartError) {
            let entry = try manifest.token(of: hsm, token, file: settings.manifestFile)
            let keys = try await KeyRing(manifest: manifest, hsm: hsm, file: settings.manifestFile)
            try adopt(hsm, keys, index)
            logger.info("a token is open", metadata: ["token": "\(entry.label)", "serial": "\(entry.serial)"])
        } catch {
            _ = await hsm.shutdown()
            throw error
        }
    }

    private func adopt(_ hsm: HSM, _ keys: KeyRing, _ index: Int) throws(StartError) {
        let serial = hsm.profile.info.serial
        try state.withLock { (state) throws(StartError) in
            guard !state.isStopping else { throw problem(index, "the core is stopping", mend: "start it again") }
            if let other = state.members.firstIndex(where: { $0.hsm?.profile.info.serial == serial }) {
                throw problem(
                    index, "is the token of \(settings.tokens[other].field) (serial \(serial))",
                    mend: "name each token once, by its serial number")
            }
            state.members[index] = Member(hsm: hsm, keys: keys, problem: nil)
            state.keys = state.members.reduce(into: KeyRing()) { $0.add($1.keys) }
        }
    }

    private func problem(_ index: Int, _ problem: String, mend: String) -> StartError {
        StartError(
            file: settings.configurationFile, field: "\(settings.tokens[index].field).token", problem: problem,
            mend: mend)
    }

    /// Whether a core can work with these keys.
    private func isEnough(_ keys: KeyRing) -> Bool {
        let mustSign = manifest.keys.contains { $0.purpose == .signing && $0.state == .active }
        return !keys.checkpoints.isEmpty && (keys.canSign || !mustSign)
    }

    private func demandEnough() throws(StartError) {
        let (problems, keys) = state.withLock { ($0.members.map(\.problem), $0.keys) }
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
