import Foundation

/// Reads whole files of bounded size, at start and reload alone.
enum ConfigurationFile {
    /// Why a file cannot be had.
    enum Failure: Error, Equatable {
        case missing, unreadable, tooLarge
    }

    /// All bytes of a file that is not larger than `limit`.
    static func read(_ path: String, limit: Int) throws(Failure) -> [UInt8] {
        let handle: FileHandle
        do {
            handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        } catch {
            // Who may not look into a directory cannot say what is not in it.
            throw (error as? CocoaError)?.code == .fileReadNoSuchFile ? .missing : .unreadable
        }
        defer { try? handle.close() }
        var bytes: [UInt8] = []
        // A read may return less than asked for; one of nothing is the end.
        while let part = try? handle.read(upToCount: limit + 1 - bytes.count), !part.isEmpty {
            bytes.append(contentsOf: part)
            guard bytes.count <= limit else { throw .tooLarge }
        }
        // A directory opens, but gives nothing; what these files are is never empty.
        guard !bytes.isEmpty else { throw .unreadable }
        return bytes
    }

    /// The path itself when it is absolute, else taken from a directory.
    static func resolve(_ path: String, in directory: String) -> String {
        path.utf8.first == UInt8(ascii: "/") ? path : "\(directory == "/" ? "" : directory)/\(path)"
    }

    /// The absolute directory of a file.
    static func directory(of path: String) -> String {
        let absolute = resolve(path, in: FileManager.default.currentDirectoryPath)
        let directory = absolute.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        return directory.count < 2 ? "/" : directory.joined(separator: "/")
    }
}
