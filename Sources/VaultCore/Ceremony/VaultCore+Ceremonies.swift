import AuditLog
import CoreProtocol
import Custody
import StrictEncoding

extension VaultCore {
    /// Where the ceremonies that run in this core are held, one step a command (docs/ceremonies.md).
    func ceremonyDesk() throws(CoreError) -> CeremonyDesk {
        guard let path = settings.custodyDirectory else {
            throw CoreError(.refused, "ceremonies are for quorum custody; this core is under development custody")
        }
        let custody = CustodyDirectory(path: path)
        return CeremonyDesk(
            CeremonyDesk.Office(
                root: custody.ceremonies, manifests: { try custody.readChain().manifests },
                withRunner: { ceremony, body in try await body(try self.runner(of: ceremony)) }, clock: clock,
                random: { count in
                    var generator = SystemRandomNumberGenerator()
                    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
                }))
    }

    /// A runner whose transcript the audit log hears of line by line.
    private func runner(of ceremony: Ceremony) throws -> CeremonyRunner {
        let plan = ceremony.plan
        return CeremonyRunner(
            ceremony, steps: try steps(of: ceremony),
            surroundings: .init(
                clock: clock, build: { try Executable.hash() },
                record: { line in
                    var entry = line.entry(of: plan)
                    (entry.custody, entry.manifestVersion) = (self.manifest.custody.rawValue, self.manifest.version)
                    _ = try await self.log.append(entry)
                }))
    }

    /// The steps of a ceremony in the running core.
    ///
    /// Each kind's own file makes them; a step takes what it needs from the core when it runs, never before.
    private func steps(of ceremony: Ceremony) throws(CustodyError) -> [CeremonyStep] {
        switch ceremony.plan.parameters {
        case .genesis:
            throw CustodyError(.wrongState, "a genesis is held before there is a core: stop it, then use ceremony run")
        case .activate, .changeKeyState, .generate, .importKey, .replicate, .removeToken, .rotateEpoch, .drill,
            .auditVerify:
            throw CustodyError(.unsupported, "this build cannot hold the ceremony \(ceremony.plan.kind.rawValue)")
        }
    }
}
