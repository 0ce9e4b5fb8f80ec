package import Custody
import Foundation
package import HSMBridge
import StrictEncoding

/// Examines a token for an operator: `vault-appliance doctor` in a library.
package struct HSMDoctor: Sendable {
    private let manifest: Manifest?
    private let manifestFile: String
    private let triesKeys: Bool

    /// A doctor who knows what the manifest wants; without one every key is anybody's.
    package init(manifest: Manifest?, manifestFile: String = "", triesKeys: Bool = true) {
        self.manifest = manifest
        self.manifestFile = manifestFile
        self.triesKeys = triesKeys
    }

    /// Examines one token; whatever fails is a finding.
    package func examine(
        module: String, token: TokenURI, pin: PIN, patience: Duration = .seconds(120)
    ) async -> TokenReport {
        var report: TokenReport
        do throws(StartError) {
            let examination = TokenExamination(
                modulePath: module, token: token, expected: try expected(), known: known, triesKeys: triesKeys)
            report = await examination.run(pin: pin, patience: patience)
        } catch {
            report = TokenReport(modulePath: module, uri: token.description)
            report.add(.fault("manifest", "manifest-unreadable", "\(error.file): \(error.problem)", mend: error.mend))
        }
        if let serial = report.profile?.info.serial, let manifest,
            !manifest.tokens.contains(where: { $0.serial == serial })
        {
            report.add(
                .fault(
                    "token", "token-unknown", "the manifest does not name a token with serial \(serial)",
                    mend: "use the manifest that was written for this token, or correct hsm.token"))
        }
        return report
    }

    /// Keys that must be there and work: everything but what has ended.
    private func expected() throws(StartError) -> [TokenExamination.ExpectedKey]? {
        guard let manifest else { return nil }
        var keys: [TokenExamination.ExpectedKey] = []
        for key in manifest.keys where key.mustWork {
            keys.append(
                .init(
                    serial: key.token, reference: try key.reference(file: manifestFile), purpose: key.purpose.rawValue,
                    evidence: key.evidence))
        }
        return keys
    }

    /// Keys the manifest names that have ended.
    private var known: Set<[UInt8]> {
        Set((manifest?.keys ?? []).filter { !$0.mustWork }.compactMap { Hexadecimal.decode($0.id) })
    }
}

extension ManifestKey {
    fileprivate var mustWork: Bool { [.generated, .prepublished, .active, .retiring].contains(state) }
}

extension HSMDoctor {
    /// A doctor for the manifest in a file; one that is not there yet is no fault before the first keys are made.
    package init(manifestFile: String, triesKeys: Bool = true) throws(StartError) {
        guard FileManager.default.fileExists(atPath: manifestFile) else {
            self.init(manifest: nil, manifestFile: manifestFile, triesKeys: triesKeys)
            return
        }
        do {
            let bytes = try Data(contentsOf: URL(filePath: manifestFile))
            let manifest = try Manifest(jsonBytes: [UInt8](bytes))
            self.init(manifest: manifest, manifestFile: manifestFile, triesKeys: triesKeys)
        } catch {
            throw StartError(
                file: manifestFile, problem: "\(error)",
                mend: "restore the manifest as the ceremony wrote it; it is never edited by hand")
        }
    }
}
