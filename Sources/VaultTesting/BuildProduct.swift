internal import Foundation

/// A product that the build of this program put beside it.
package enum BuildProduct {
    /// The absolute path of a product, as in `vault-appliance`; one that was not built is a failure, never a reason to skip.
    package static func path(of name: String) throws -> String {
        let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        let path = program.deletingLastPathComponent().appending(component: name).path
        guard FileManager.default.fileExists(atPath: path) else {
            throw SoftHSMDirectory.Failure(description: "\(path): not there; build the product \(name)")
        }
        return path
    }
}
