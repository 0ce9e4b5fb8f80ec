import Foundation
import Glibc

/// Files that only their owner may read, created exclusively: what is there is never overwritten.
package enum OwnerOnlyFile {
    /// Creates a file with mode 0600 (or `mode`) and this content; fails if there is a file of that name.
    package static func create(_ path: String, _ content: some Sequence<UInt8>, mode: UInt32 = 0o600) throws {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            let reason = errno == EEXIST ? "is there already" : reasonText(errno)
            throw DevelopmentError(.file, "\(path): \(reason)")
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try file.write(contentsOf: Data(content))
        try file.close()
    }

    /// Creates a directory for its owner alone, unless it is there.
    package static func createDirectory(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw DevelopmentError(.file, "\(path): cannot be created")
        }
    }

    /// The text of a file.
    package static func read(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw DevelopmentError(.file, "\(path): cannot be read")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw DevelopmentError(.file, "\(path): is not UTF-8 text")
        }
        return text
    }

    private static func reasonText(_ error: Int32) -> String {
        unsafe strerror(error).map { unsafe String(cString: $0) } ?? "error \(error)"
    }
}
