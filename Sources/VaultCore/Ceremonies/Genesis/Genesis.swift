package import Custody
import Foundation
import HSMBridge
import StrictEncoding
import Synchronization

/// The ceremony `genesis`: an appliance's first keys, shares and manifest (docs/ceremonies.md).
///
/// The order of the steps is what keeps anything from being lost: keys are made under the PIN that the token has; the
/// random PIN is sealed and its shares are with the custodians before it is set; it is set while enough of them have just
/// opened their shares; and what cannot be taken back comes last.
package final class Genesis: Sendable {
    let site: GenesisSite
    let ceremony: Ceremony
    let plan: GenesisPlan
    let recorder: CeremonyRecorder
    let secrets = Mutex(GenesisSecrets())

    /// A genesis by an approved plan.
    package init(_ ceremony: Ceremony, site: GenesisSite) throws(CustodyError) {
        guard case .genesis(let plan) = ceremony.plan.parameters else {
            throw CustodyError(
                .unsupported, "the plan is for \(ceremony.plan.kind.rawValue), which the running core executes")
        }
        self.ceremony = ceremony
        self.site = site
        self.plan = plan
        recorder = CeremonyRecorder(ceremony.plan, settings: site.settings, clock: site.clock)
    }

    /// The steps in their order.
    package var steps: [CeremonyStep] {
        let tokens = plan.tokens.indices
        return [hostKeyStep] + tokens.map(prepareStep) + tokens.map(keysStep) + [
            sharesStep,
            ManifestSteps.draft(ceremony) { try self.draftManifest() },
            ManifestSteps.sign(ceremony),
            installStep,
            handOverStep,
        ] + tokens.filter { plan.tokens[$0].securityOfficer == .burn }.map(burnStep)
    }

    var directory: CeremonyDirectory { ceremony.directory }

    /// Names a token's step; one token needs no number.
    func name(_ step: String, _ index: Int) -> String { plan.tokens.count == 1 ? step : "\(step).\(index + 1)" }

    /// How a token is called in titles and questions.
    func title(_ index: Int) -> String { (try? TokenURI(plan.tokens[index].uri))?.token ?? plan.tokens[index].uri }

    /// Reads what an earlier step has found out; nil when it has not.
    func read<Value>(_ name: String, _ make: (JSONValue) throws -> Value) throws -> Value? {
        let path = "\(directory.work)/\(name)"
        guard directory.exists(path) else { return nil }
        // What a crash left half written counts as not written.
        guard let json = try? JSONParser.parse(try PrivateFile.readPublic(path)) else { return nil }
        return try make(json)
    }

    /// Keeps what a step has found out, durably; no secret.
    func write(_ name: String, _ value: JSONValue) throws {
        try PrivateFile.replace("\(directory.work)/\(name)", JSONWriter.canonical(value), mode: 0o600)
        try PrivateFile.syncDirectory(directory.work)
    }

    func forget(_ name: String) throws { try PrivateFile.remove("\(directory.work)/\(name)") }
}

/// What a genesis holds in locked memory while its process lives, and nowhere else.
struct GenesisSecrets: ~Copyable {
    /// The user PINs that the tokens have now, by their place in the plan.
    var userPINs: [Int: LockedBytes] = [:]
    /// Where custodians' shares arrive.
    var desk: ActivationDesk?
    /// The activation secret, once enough custodians have contributed.
    var activation: LockedBytes?
    /// Who they were.
    var contributors: [String] = []
    /// Whether the PINs that the tokens have were tried in this process.
    var arePINsProven = false
    /// What was wrong with contributions, by file.
    var refusals: [String: String] = [:]
}
