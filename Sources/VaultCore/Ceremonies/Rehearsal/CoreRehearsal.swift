package import Custody
import CoreProtocol
import Logging
import NIOCore
package import StrictEncoding

/// A ceremony of the running core in a throw-away core in this process: the steps' own code on a throw-away SoftHSM.
///
/// Its tokens hold keys like those of the manifest in force, in the states they are in; its custodians are played. For a
/// process that does nothing else (`RehearsalPlace`).
package struct CoreRehearsal {
    /// More calls than any ceremony takes: a rehearsal that goes in circles is ended.
    private static let mostCalls = 2000

    private let plan: CeremonyPlan
    private let base: Manifest
    private let settings: CoreSettings
    private let softHSM: String
    private let clock: @Sendable () -> UnixTime

    /// A rehearsal of a plan under the manifest it was made for, whose keys are in `states` now; `softHSM` is the library.
    package init(
        _ plan: CeremonyPlan, base: Manifest, states: [String: ManifestKey.State], settings: CoreSettings,
        softHSM: String, clock: @escaping @Sendable () -> UnixTime
    ) {
        var base = base
        for index in base.keys.indices {
            base.keys[index].state = states[base.keys[index].kid] ?? base.keys[index].state
        }
        self.plan = plan
        self.base = base
        self.settings = settings
        self.softHSM = softHSM
        self.clock = clock
    }

    /// Runs every step; returns what the core keeps of it: the plan as it was played, and the transcript.
    package func run(progress: (JSONValue) -> Void) async throws -> JSONValue {
        let place = try RehearsalPlace(softHSM: softHSM)
        defer { place.remove() }
        var ground = try RehearsalGround(base, settings: settings, place: place, now: clock())
        try await ground.build(plan)
        let script = try await RehearsalScript(plan, on: &ground, configuration: settings)
        let core = try await VaultCore.start(
            settings: ground.settings, logger: Logger(label: "rehearsal") { _ in SwiftLogNoOpLogHandler() },
            clock: clock, instance: Hexadecimal.string(CoreCeremony.random(16)), onFatal: { _ in })
        let stage = RehearsalStage(core: core, ground: ground, script: script)
        do {
            let record = try await play(stage, progress)
            await core.shutdown()
            return record
        } catch {
            await core.shutdown()
            throw error
        }
    }

    private func play(_ stage: RehearsalStage, _ report: (JSONValue) -> Void) async throws -> JSONValue {
        try await stage.open()
        for _ in 0..<CoreRehearsal.mostCalls {
            let progress = try await stage.step()
            report(progress)
            switch progress.object?["state"]?.string {
            case "completed", "sealed": return try stage.record()
            case "aborted", "expired": throw CustodyError(.wrongState, "the rehearsal did not complete")
            default: break
            }
            if let wait = progress.object?["waiting"]?.object { try await stage.answer(wait) }
        }
        throw CustodyError(.wrongState, "the rehearsal does not come to an end")
    }
}
