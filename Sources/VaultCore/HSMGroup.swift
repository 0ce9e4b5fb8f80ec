import CoreProtocol
package import Custody
package import HSMBridge
package import Logging
import Synchronization

/// The tokens of the configuration: opened side by side, and tried again for as long as they are away.
///
/// A token that cannot be had is a fault in status, not the end of the core, as long as the others have an active signing
/// key and an active checkpoint key between them. Under quorum custody none is touched before custodians gave the PINs.
package final class HSMGroup: Sendable {
    /// How long things may take.
    package struct Timing: Sendable {
        /// Once the core could work, how long the start waits for the other tokens.
        package var grace = Duration.seconds(5)
        /// Until a token that is away is tried again; doubled each time.
        package var firstPause = Duration.seconds(2)
        package var longestPause = Duration.seconds(60)
        /// How long an activation waits for tokens that do not answer.
        package var patience = Duration.seconds(60)

        /// The defaults above.
        package init() {}
    }

    /// Where the PINs come from.
    enum PINSource: Sendable {
        /// From the configured files, under development custody.
        case files
        /// From nowhere: the core is sealed.
        case none
        /// From custodians, by the tokens' serial numbers.
        case activated([String: LockedBytes])
    }

    /// What is known of one token.
    struct Member {
        var hsm: HSM?
        var keys = KeyRing()
        var problem: StartError?
        /// Its serial number, where a sealed core has looked for it and found it.
        var found: String?
    }

    struct State {
        var manifest: Manifest
        var members: [Member]
        var keys = KeyRing()
        var attempts: [Task<Void, Never>] = []
        /// How many attempts for each token are inside a library, or about to give their HSM up.
        var opening: [Int: Int] = [:]
        /// HSMs that were given up while a call hung in their library.
        var hanging: [HSM] = []
        var pins: PINSource
        /// Counts sealings and manifests: what was begun under another count is not taken over.
        var generation = 0
        var isStopping = false
        /// Whether the tokens of a sealed core are being looked for.
        var isLooking = false

        mutating func collectKeys() {
            keys = members.reduce(into: KeyRing()) { $0.add($1.keys) }
        }
    }

    let settings: CoreSettings
    let timing: Timing
    let logger: Logger
    let state: Mutex<State>
    /// Holds for as long as the core lives, whatever is opened anew meanwhile.
    let quarantine = KeyQuarantine()

    private init(
        _ settings: CoreSettings, _ manifest: Manifest, _ pins: PINSource, _ timing: Timing, _ logger: Logger
    ) {
        self.settings = settings
        self.timing = timing
        self.logger = logger
        state = Mutex(State(manifest: manifest, members: settings.tokens.map { _ in Member() }, pins: pins))
    }

    /// Opens what can be opened with PINs from files; throws the first fault when that is not enough to work with.
    package static func open(
        _ settings: CoreSettings, manifest: Manifest, timing: Timing = Timing(), logger: Logger
    ) async throws(StartError) -> HSMGroup {
        let group = HSMGroup(settings, manifest, .files, timing, logger)
        await group.tryAll(within: nil)
        do throws(StartError) {
            try group.demandEnough()
        } catch {
            // Else the tokens stay logged in, and the next start in this process is refused for that alone.
            await group.shutdown()
            throw error
        }
        return group
    }

    /// The tokens of a sealed core: none is open until `unseal`.
    package static func sealed(
        _ settings: CoreSettings, manifest: Manifest, timing: Timing = Timing(), logger: Logger
    ) -> HSMGroup {
        HSMGroup(settings, manifest, .none, timing, logger)
    }

    /// The keys of the tokens that are open.
    package var keys: KeyRing { state.withLock { $0.keys } }

    /// How each token stands, in the order of the configuration.
    package var standings: [HSMStanding] {
        let (members, manifest) = state.withLock { ($0.members, $0.manifest) }
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
            state.pins = .none
            return (state.attempts, state.members.compactMap(\.hsm))
        }
        let isClean = await end(attempts, open, drainingFor: .seconds(5))
        // A search that has not ended is inside its library as well.
        return isClean && !state.withLock { $0.isLooking }
    }

    /// Ends attempts and HSMs; false when a call hangs inside a library, be it an HSM's or that of an attempt to open one.
    func end(_ attempts: [Task<Void, Never>], _ open: [HSM], drainingFor limit: Duration) async -> Bool {
        for attempt in attempts { attempt.cancel() }
        await askHanging()
        await giveUp(open, drainingFor: limit)
        // An attempt that is under way finds soon that it is not wanted, unless it hangs.
        guard await areOver(Array(settings.tokens.indices), within: max(limit, .seconds(1))) else { return false }
        return state.withLock { $0.hanging.isEmpty }
    }

    /// Shuts HSMs down, side by side; those in which a call hangs are remembered.
    func giveUp(_ hsms: [HSM], drainingFor limit: Duration = .seconds(5)) async {
        let hanging = await withTaskGroup(of: HSM?.self) { group in
            for hsm in hsms { group.addTask { await hsm.shutdown(drainingFor: limit) ? nil : hsm } }
            return await group.reduce(into: [HSM]()) { hanging, hsm in if let hsm { hanging.append(hsm) } }
        }
        state.withLock { $0.hanging += hanging }
    }

    /// Shuts those down once more that hung before: they may have come back, and then let go of their library.
    func askHanging() async {
        let before = state.withLock { state in
            defer { state.hanging = [] }
            return state.hanging
        }
        await giveUp(before, drainingFor: .zero)
    }

    /// Whether no attempt to open one of these tokens is inside a library any more, which is waited for so long.
    func areOver(_ indices: [Int], within limit: Duration?) async -> Bool {
        let end = limit.map { ContinuousClock.now + $0 }
        while true {
            let isOver = state.withLock { state in indices.allSatisfy { state.opening[$0, default: 0] == 0 } }
            guard !isOver, end.map({ ContinuousClock.now < $0 }) ?? true else { return isOver }
            do { try await Task.sleep(for: .milliseconds(20)) } catch { return false }
        }
    }
}
