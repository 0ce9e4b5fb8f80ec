package import Custody
import Foundation

extension HSMDoctor {
    /// A doctor for the manifest in a file (development custody).
    ///
    /// One that is not there yet is no fault before the first keys are made.
    package init(manifestFile: String, triesKeys: Bool = true) {
        guard FileManager.default.fileExists(atPath: manifestFile) else {
            self.init(.nothing, triesKeys: triesKeys)
            return
        }
        do {
            let bytes = try Data(contentsOf: URL(filePath: manifestFile))
            self.init(.manifest(try Manifest(jsonBytes: [UInt8](bytes)), file: manifestFile), triesKeys: triesKeys)
        } catch {
            let refusal = StartError(
                file: manifestFile, problem: "\(error)",
                mend: "restore the manifest as the ceremony wrote it; it is never edited by hand")
            self.init(.refused(refusal), triesKeys: triesKeys)
        }
    }

    /// A doctor for the newest manifest of a custody directory, believed only as a core believes it at its start.
    ///
    /// A directory where no genesis has been yet is no fault. Nothing is written.
    package init(custodyDirectory: CustodyDirectory, triesKeys: Bool = true) {
        let names = try? FileManager.default.contentsOfDirectory(atPath: custodyDirectory.manifests)
        let isBeforeGenesis =
            names?.isEmpty ?? !FileManager.default.fileExists(atPath: custodyDirectory.path)
        guard !isBeforeGenesis else {
            self.init(.nothing, triesKeys: triesKeys)
            return
        }
        do throws(StartError) {
            let chain = try Trust.verified(custodyDirectory)
            let file = custodyDirectory.manifestFile(chain.current.version)
            self.init(.manifest(chain.current, file: file), triesKeys: triesKeys)
        } catch {
            self.init(.refused(error), triesKeys: triesKeys)
        }
    }
}
