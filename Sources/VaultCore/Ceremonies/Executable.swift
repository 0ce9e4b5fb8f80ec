import Crypto
import Foundation
import StrictEncoding

/// This very program.
package enum Executable {
    /// `hash`, read once: what runs does not change.
    package static let build = (try? hash()) ?? "unknown"

    /// SHA-256 of its file, in hexadecimal; also when the file was replaced meanwhile.
    package static func hash() throws -> String {
        let file = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/exe"))
        defer { try? file.close() }
        var hash = SHA256()
        while let piece = try file.read(upToCount: 1 << 20), !piece.isEmpty { hash.update(data: piece) }
        return Hexadecimal.string(hash.finalize())
    }
}
