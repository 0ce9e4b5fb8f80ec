import Glibc

/// A directory by its path: listing, making, syncing, emptying.
struct Directory: Sendable {
    let path: String

    /// A directory that may or may not exist.
    init(_ path: String) { self.path = path }

    /// The directory that a file is in.
    static func parent(of path: String) -> Directory {
        guard let slash = path.lastIndex(of: "/") else { return Directory(".") }
        return Directory(path[..<slash].isEmpty ? "/" : String(path[..<slash]))
    }

    /// What is in it, sorted, with whether each is a directory itself, which a link to one is not; empty when it does
    /// not exist.
    func list() throws(AuditLogError) -> [(name: String, isDirectory: Bool)] {
        // Safety: the path is lent to the call as a C string for its duration.
        guard let stream = unsafe opendir(path) else {
            if errno == ENOENT { return [] }
            throw .system("opendir", errno, path: path)
        }
        // Safety: the stream is used in this function alone and closed on every way out of it.
        defer { unsafe closedir(stream) }
        var found: [(name: String, isDirectory: Bool)] = []
        while true {
            errno = 0
            // Safety: readdir's result is valid until the next call on this stream; the name is copied before that.
            guard let element = unsafe readdir(stream) else { break }
            // Safety: d_name holds a string that ends in NUL, by readdir's contract.
            let name = unsafe withUnsafePointer(to: &element.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            guard name != ".", name != ".." else { continue }
            // What readdir says of its type is only a hint: not every file system tells.
            found.append((name, Directory.isDirectory("\(path)/\(name)", followsLinks: false)))
        }
        guard errno == 0 else { throw .system("readdir", errno, path: path) }
        return found.sorted { $0.name < $1.name }
    }

    /// Whether a path is a directory; where links are followed, a link to one is.
    static func isDirectory(_ path: String, followsLinks: Bool) -> Bool {
        (status(path, followsLinks: followsLinks)?.st_mode ?? 0) & S_IFMT == S_IFDIR
    }

    private static func status(_ path: String, followsLinks: Bool) -> stat? {
        var status = stat()
        // Safety: the call fills the value it is given the address of, and the path lives through it.
        let failure = unsafe followsLinks ? stat(path, &status) : lstat(path, &status)
        return failure == 0 ? status : nil
    }

    /// Refuses a directory that cannot be renamed beside itself, as a shard is when it is closed.
    func checkIsMovable() throws(AuditLogError) {
        guard let own = Directory.status(path, followsLinks: false) else { throw .system("lstat", errno, path: path) }
        guard own.st_mode & S_IFMT != S_IFLNK else {
            throw AuditLogError(
                .badPlace,
                "is a symbolic link, which cannot stay when a shard is moved away: name the directory itself",
                path: path)
        }
        let parent = Directory.parent(of: path)
        guard let above = Directory.status(parent.path, followsLinks: true) else {
            throw .system("stat", errno, path: parent.path)
        }
        guard own.st_dev == above.st_dev else {
            throw AuditLogError(
                .badPlace,
                "is a mount point, which no shard can be moved away from: put the log into a directory below it",
                path: path)
        }
    }

    /// Makes it with mode 0700; false when it was there already.
    @discardableResult
    func make() throws(AuditLogError) -> Bool {
        // Safety: the path is lent to the call as a C string for its duration.
        if unsafe mkdir(path, 0o700) == 0 { return true }
        guard errno == EEXIST else { throw .space("mkdir", errno, path: path) }
        return false
    }

    /// Makes its names durable.
    func sync(_ operations: FileOperations) throws(AuditLogError) {
        try OpenFile(path, .directory).sync(operations)
    }

    /// Removes the files in it; those that are gone already are no fault.
    func removeFiles() throws(AuditLogError) {
        for element in try list() where !element.isDirectory { try Directory.removeFile("\(path)/\(element.name)") }
    }

    /// Removes it with everything in it; one that is gone already is no fault.
    func removeTree(_ operations: FileOperations) throws(AuditLogError) {
        for element in try list() {
            let path = "\(path)/\(element.name)"
            if element.isDirectory {
                try Directory(path).removeTree(operations)
            } else {
                try Directory.remove(path, operations)
            }
        }
        try Directory.remove(path, operations)
    }

    /// Removes a file or an empty directory; one that is gone already is no fault.
    static func remove(_ path: String, _ operations: FileOperations) throws(AuditLogError) {
        let failure = operations.remove(path)
        guard failure == 0 || failure == ENOENT else { throw .system("remove", failure, path: path) }
    }

    /// Removes it when it is empty; a directory that is gone or in use is no fault.
    func removeIfEmpty() {
        // Safety: the path is lent to the call as a C string for its duration.
        _ = unsafe rmdir(path)
    }

    /// Removes one file; one that is gone already is no fault.
    static func removeFile(_ path: String) throws(AuditLogError) {
        // Safety: the path is lent to the call as a C string for its duration.
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw .system("unlink", errno, path: path) }
    }
}
