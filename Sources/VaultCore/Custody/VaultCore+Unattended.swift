import AuditLog
import Custody
import Foundation
import Logging
import StrictEncoding

extension VaultCore {
    /// Brings the core to life without custodians where the quorum's dials allow it.
    ///
    /// That is after a restart within the grace, or by PIN files. What is refused leaves the core sealed, and is said.
    func startWithoutPeople(_ custody: QuorumCustody) async {
        let manifest = inForce.current.signed
        let (kept, refusals) = custody.grace.take(manifest)
        if let kept, await comesToLife(custody, kept, .restartGrace) { return }
        if kept == nil, let refusal = refusals.first { await refused(custody, .restartGrace, refusal) }
        guard manifest.dials.unattendedStart else { return }
        do {
            var pins: [String: LockedBytes] = [:]
            for token in manifest.tokens {
                pins[token.serial] = try PrivateFile.readLine(custody.directory.unattendedPINFile(serial: token.serial))
            }
            _ = await comesToLife(custody, pins, .unattended)
        } catch {
            await refused(custody, .unattended, error.reason)
        }
    }

    /// Hands the PINs to the service manager anew when it is time, and takes them back when nothing may be kept.
    func keepForRestart(_ custody: QuorumCustody) {
        custody.grace.renew(custody.phase == .active ? hsms.activatedPINs : nil, inForce.current.signed)
    }

    /// What an operator should know of dials and files that do not fit each other.
    func custodyWarnings(_ custody: QuorumCustody) -> [String] {
        var warnings: [String] = []
        let manifest = inForce.current.signed
        if let problem = custody.grace.problem { warnings.append("custody: \(problem)") }
        if !manifest.dials.unattendedStart {
            let files = manifest.tokens.map { custody.directory.unattendedPINFile(serial: $0.serial) }
            warnings += files.filter { FileManager.default.fileExists(atPath: $0) }.map {
                "custody: \($0) holds a PIN that no dial allows: remove it, and change the PIN"
            }
        }
        for (kid, leaf) in standing.quarantines where inForce.current.quarantined.contains(kid) {
            warnings.append(
                "custody: key \(leaf.keyLabel ?? kid) is quarantined by \(leaf.operator ?? "-"): custodians have to decide"
            )
        }
        return warnings
    }

    private func comesToLife(
        _ custody: QuorumCustody, _ pins: [String: LockedBytes], _ origin: QuorumCustody.Origin
    ) async -> Bool {
        guard custody.beginActivation() else { return false }
        do {
            try await bringToLife(custody, pins, origin, request: nil)
            return true
        } catch {
            await refused(custody, origin, (error as? CustodyError)?.reason ?? "\(error)")
            return false
        }
    }

    private func refused(_ custody: QuorumCustody, _ origin: QuorumCustody.Origin, _ reason: String) async {
        let text = "\(origin.name): \(reason)"
        custody.sealed(failure: text)
        logger.warning("the core stays sealed", metadata: ["reason": "\(text)"])
        var entry = Entry(kind: .activationCancelled)
        entry.reason = String(decoding: text.utf8.prefix(500), as: UTF8.self)
        entry.detail = ["by": origin.name]
        _ = try? await record(entry)
    }
}
