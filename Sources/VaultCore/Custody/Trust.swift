import AuditLog
import Custody
import Foundation
import StrictEncoding

/// What a core believes at its start, and from whom: a manifest that nobody vouches for, or a verified chain.
struct Trust {
    let inForce: ManifestInForce
    /// Nil under development custody.
    let custody: QuorumCustody?

    /// Reads what the settings name and holds it against their custody mode.
    static func load(
        _ settings: CoreSettings, manager: ServiceManager?, clock: @escaping @Sendable () -> UnixTime
    ) throws(StartError) -> Trust {
        guard settings.custody == Manifest.Mode.quorum.rawValue else {
            return Trust(inForce: ManifestInForce(development: try Manifest.load(settings)), custody: nil)
        }
        guard let path = settings.custodyDirectory else {
            throw StartError(
                file: settings.configurationFile, field: "core.custody_directory", problem: "is missing",
                mend: "add it: the directory that the ceremony genesis makes")
        }
        let directory = CustodyDirectory(path: path)
        let chain = try verified(directory)
        do {
            // Without them every activation would fail, after the custodians were called together.
            if let epoch = chain.current.activation?.epoch { _ = try directory.readPINs(epoch: epoch) }
            // A process that died after its ceremony's manifest came into force left the new key beside the old one.
            let hostKey = try directory.settleHostKey(of: chain.current)
            let custody = try QuorumCustody(
                directory: directory, chain: chain, hostKey: hostKey, manager: manager, clock: clock)
            return Trust(inForce: ManifestInForce(chain: chain), custody: custody)
        } catch {
            throw fault(of: directory, error)
        }
    }

    /// The chain of a custody directory, where there must be the host key that its newest manifest names; nothing is
    /// written.
    static func verified(_ directory: CustodyDirectory) throws(StartError) -> ManifestChain {
        do {
            try directory.check()
            let chain = try directory.readChain()
            _ = try directory.hostKey(of: chain.current)
            return chain
        } catch {
            throw fault(of: directory, error)
        }
    }

    private static func fault(of directory: CustodyDirectory, _ error: CustodyError) -> StartError {
        StartError(
            file: directory.path, problem: error.reason,
            mend: "restore the custody directory as the ceremonies wrote it: docs/recovery.md")
    }
}

extension Manifest {
    /// Reads the manifest of development custody that the settings name.
    static func load(_ settings: CoreSettings) throws(StartError) -> Manifest {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(filePath: settings.manifestFile))
        } catch {
            throw StartError(
                file: settings.manifestFile, problem: "cannot be read",
                mend: "make the appliance's keys first, or correct core.manifest")
        }
        let manifest: Manifest
        do {
            manifest = try Manifest(jsonBytes: [UInt8](bytes))
        } catch {
            throw StartError(
                file: settings.manifestFile, field: error.path.isEmpty ? nil : error.path, problem: error.problem,
                mend: "restore the manifest as the ceremony wrote it; it is never edited by hand")
        }
        guard manifest.custody.rawValue == settings.custody else {
            throw StartError(
                file: settings.configurationFile, field: "core.custody",
                problem: "is \(settings.custody), but the manifest says \(manifest.custody.rawValue)",
                mend: "use the configuration that belongs to this manifest")
        }
        return manifest
    }
}

extension VaultCore {
    /// Refuses a manifest that is older than the log knows, or another one; puts quarantines of the log in force.
    func checkAgainstLog() throws(StartError) {
        let now = inForce.current
        guard let chain = now.chain else { return }
        if let (version, hash) = standing.newestManifest {
            let same = chain.manifests.first { $0.version == version }
            guard let same else {
                throw StartError(
                    file: settings.manifestFile,
                    problem: "the newest is version \(now.signed.version), but the log knows version \(version)",
                    mend: "put the newest manifests back: an older copy is never taken")
            }
            guard hash == nil || hash == same.hash else {
                throw StartError(
                    file: settings.manifestFile,
                    problem: "version \(version) is another one than the log knows",
                    mend: "this custody directory and this log do not belong together: docs/recovery.md")
            }
        }
        // A manifest that was written after the order has decided about the key: the quarantine is ratified, or ended.
        let kids = standing.quarantines.filter { $0.value.quarantines(over: now.signed) }.map(\.key)
        guard !kids.isEmpty else { return }
        inForce.quarantine(Set(kids))
        hsms.withdraw(Set(kids), under: manifest)
    }
}
