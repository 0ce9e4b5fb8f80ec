internal import Foundation
internal import Glibc

extension CustodyDirectory {
    /// Removes what a process that died has left half done and nothing goes on with: files that were to take another's
    /// place, and directories of ceremonies that have no plan.
    ///
    /// For a start, while no other process writes here. A host key that waits for its manifest is no such file.
    package func removeUnfinished() throws(CustodyError) {
        let kept = nextHostKeyFile
        for file in files() where file.hasSuffix(PrivateFile.unfinished) && file != kept {
            try PrivateFile.remove(file)
        }
        for id in try PrivateFile.names(in: ceremonies) where CeremonyPlan.isID(id) {
            let ceremony = try CeremonyDirectory(root: ceremonies, id: id)
            guard !ceremony.exists(ceremony.plan) else { continue }
            for folder in ceremony.folders + [ceremony.path] {
                // Safety: the string lives through the call. A directory that holds anything stays.
                _ = unsafe rmdir(folder)
            }
        }
    }

    private func files() -> [String] {
        var found: [String] = []
        let listing = FileManager.default.enumerator(atPath: path)
        while let name = listing?.nextObject() as? String { found.append("\(path)/\(name)") }
        return found
    }
}
