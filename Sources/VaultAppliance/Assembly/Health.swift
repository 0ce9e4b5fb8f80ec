import CoreProtocol
import StrictEncoding

/// What `/health/ready` says.
struct Health: Sendable {
    let client: CoreClient
    let bundles: BundleStore
    let targets: TargetWatch
    let reloads: ReloadState
    let identities: IdentityList
    let remotes: RemoteKeySets
    let revocations: RevocationView
    let build: String
    /// The listeners that should be open and are not.
    let closed: @Sendable () -> [String]

    /// Why requests would fail now, in words for an operator; and what is wrong although they do not.
    func readiness(now: UnixTime) -> Readiness {
        var details = JSONObject()
        details["version"] = .string(Build.version)
        details["build"] = .string(build)
        details["bundle"] = .string(bundles.current.hash)
        details["key_sets"] = remotes.report(now: now)
        var warnings: [String] = []
        if let problem = reloads.problem {
            warnings.append("configuration: the last reload was refused, what was loaded before stays: \(problem)")
        }
        guard let core = client.latest else {
            if !warnings.isEmpty { details["warnings"] = .array(warnings.map { .string($0) }) }
            let reason = client.problem ?? "core: not reachable: start it, or look at its log"
            return Readiness(reasons: [reason], details: details)
        }
        details["custody"] = .string(core.custody)
        details["manifest"] = .integer(core.manifestVersion)
        warnings += core.warnings + targets.warnings
        if !warnings.isEmpty { details["warnings"] = .array(warnings.map { .string($0) }) }
        // A sealed core says so itself; until it is activated nothing else matters.
        var reasons = core.faults + (client.problem.map { [$0] } ?? []) + identities.faults(now: now)
        if !core.isSealed {
            if !revocations.isCurrent { reasons.append("core: its revocations are not known") }
            reasons += closed().map { "\($0): the listener is not open yet" }
        }
        return Readiness(reasons: reasons, details: details)
    }
}
