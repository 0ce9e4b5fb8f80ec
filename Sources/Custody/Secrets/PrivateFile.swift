internal import CVaultSystem
internal import Glibc

/// Files of their owner alone, and files that are written once.
package enum PrivateFile {
    /// What follows a file's name while it is written in the place of another.
    static let unfinished = ".new"
    /// The longest file that is read, in bytes.
    private static let longest = 1 << 19

    /// Reads a secret's file into locked memory.
    ///
    /// Refused: a symbolic link, anything but a plain file, another owner's, one that group or others may touch.
    package static func read(_ path: String) throws(CustodyError) -> LockedBytes {
        // Safety: the string lives through the call.
        let descriptor = unsafe open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw CustodyError(.fileRefused, "\(path): cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        // Safety: a local that outlives the call.
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw CustodyError(.fileRefused, "\(path): is not a plain file")
        }
        guard status.st_uid == geteuid(), status.st_mode & (S_IRWXG | S_IRWXO) == 0 else {
            throw CustodyError(.fileRefused, "\(path): must belong to this user alone (chmod 600)")
        }
        guard status.st_size <= longest else { throw CustodyError(.fileRefused, "\(path): is too long") }
        var isWhole = true
        let bytes = try LockedBytes(count: Int(status.st_size)) { span in
            isWhole = fill(&span, from: descriptor)
        }
        guard isWhole else { throw CustodyError(.fileRefused, "\(path): cannot be read") }
        return bytes
    }

    /// Reads a file that holds no secret.
    package static func readPublic(_ path: String, limit: Int = 1 << 20) throws(CustodyError) -> [UInt8] {
        // Safety: the string lives through the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CustodyError(.fileRefused, "\(path): cannot be opened") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= limit {
            // Safety: the buffer lives through the call, and its own count bounds it.
            let got = unsafe room.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw CustodyError(.fileRefused, "\(path): cannot be read") }
            if got == 0 { return bytes }
            bytes += room[..<got]
        }
        throw CustodyError(.fileRefused, "\(path): is longer than \(limit) bytes")
    }

    /// Writes a new file durably, at once: it is whole or not there; one that is there is never overwritten.
    package static func create(_ path: String, _ bytes: LockedBytes) throws(CustodyError) {
        // Safety: the bytes are lent for the length of the call.
        let problem = unsafe bytes.withUnsafeBytes { unsafe create(path, $0, mode: 0o600) }
        if let problem { throw problem }
    }

    /// Writes a new file that holds no secret, durably, at once; one that is there is never overwritten.
    package static func create(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws(CustodyError) {
        // Safety: the bytes are lent for the length of the call.
        let problem = unsafe bytes.withUnsafeBytes { unsafe create(path, $0, mode: mode) }
        if let problem { throw problem }
    }

    /// Puts a file in the place of another at once: readers see the old or the new one whole.
    ///
    /// It is written under another name, into a file that this call makes: what lies there (a crash's half, or a link that
    /// somebody has laid to a file of this user's) is removed, and never opened.
    package static func replace(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws(CustodyError) {
        let temporary = path + unfinished
        if isThere(temporary) { try remove(temporary) }
        // Safety: the bytes are lent for the length of the call.
        let problem = unsafe bytes.withUnsafeBytes { unsafe write(temporary, $0, mode: mode, flags: O_EXCL) }
        if let problem { throw problem }
        try move(temporary, to: path)
    }

    /// Whether a name is taken, were it by a link that leads nowhere.
    private static func isThere(_ path: String) -> Bool {
        var status = stat()
        // Safety: the string and the local live through the call.
        return unsafe lstat(path, &status) == 0
    }

    /// Gives a file the name of another, in whose place it is at once.
    package static func move(_ source: String, to path: String) throws(CustodyError) {
        // Safety: the strings live through the call.
        guard unsafe rename(source, path) == 0 else {
            throw CustodyError(.fileRefused, "\(path): cannot be replaced (errno \(errno))")
        }
    }

    /// Makes a directory for this user alone, and those above it.
    package static func makeDirectory(_ path: String) throws(CustodyError) {
        var made = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            made += made.isEmpty && part.isEmpty ? "/" : (made.isEmpty || made.hasSuffix("/") ? "" : "/") + part
            // Safety: the string lives through the call.
            guard unsafe mkdir(made, 0o700) == 0 || errno == EEXIST || errno == EROFS || errno == EISDIR else {
                throw CustodyError(.fileRefused, "\(made): cannot be created (errno \(errno))")
            }
        }
    }

    /// Appends to a file that is made if need be (mode 0600), durably.
    package static func append(_ path: String, _ bytes: [UInt8]) throws(CustodyError) {
        // Safety: the bytes are lent for the length of the call.
        let problem = unsafe bytes.withUnsafeBytes { unsafe write(path, $0, mode: 0o600, flags: O_APPEND) }
        if let problem { throw problem }
        if let cut = path.lastIndex(of: "/") { try syncDirectory(String(path[..<cut])) }
    }

    /// Makes the names in a directory durable.
    package static func syncDirectory(_ path: String) throws(CustodyError) {
        // Safety: the string lives through the call.
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CustodyError(.fileRefused, "\(path): cannot be opened (errno \(errno))") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw CustodyError(.fileRefused, "\(path): cannot be made durable (errno \(errno))")
        }
    }

    /// The names in a directory, sorted; none when it is not there.
    package static func names(in directory: String) throws(CustodyError) -> [String] {
        // Safety: the string lives through the call.
        guard let stream = unsafe opendir(directory) else {
            guard errno == ENOENT else {
                throw CustodyError(.fileRefused, "\(directory): cannot be read (errno \(errno))")
            }
            return []
        }
        // Safety: opened above, closed once.
        defer { unsafe closedir(stream) }
        var names: [String] = []
        // Safety: readdir's answer is valid until the next call on the stream; its name is copied before.
        while let entry = unsafe readdir(stream) {
            // Safety: d_name ends with a zero byte within its own size.
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                // Safety: the bytes are lent for the length of the call.
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a file; one that is not there is no fault.
    package static func remove(_ path: String) throws(CustodyError) {
        // Safety: the string lives through the call.
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw CustodyError(.fileRefused, "\(path): cannot be removed (errno \(errno))")
        }
    }

    /// The file has no name before it is whole: whoever dies over it leaves nothing.
    private static func create(_ path: String, _ bytes: UnsafeRawBufferPointer, mode: UInt32) -> CustodyError? {
        let directory = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        // Safety: the string lives through the call.
        let descriptor = unsafe csystem_unnamed_file(directory, mode)
        guard descriptor >= 0 else {
            // Some file systems have no files without a name.
            guard [EOPNOTSUPP, EISDIR, EINVAL].contains(errno) else {
                return CustodyError(.fileRefused, "\(path): cannot be created (errno \(errno))")
            }
            return unsafe write(path, bytes, mode: mode, flags: O_EXCL)
        }
        defer { close(descriptor) }
        // Safety: the bytes are the caller's, lent for the length of the call.
        if let problem = unsafe write(path, bytes, to: descriptor) { return problem }
        // Safety: the string lives through the call.
        guard unsafe csystem_name_file(descriptor, path) == 0 else {
            return CustodyError(
                .fileRefused, "\(path): " + (errno == EEXIST ? "exists already" : "cannot be created (errno \(errno))"))
        }
        return nil
    }

    private static func write(
        _ path: String, _ bytes: UnsafeRawBufferPointer, mode: UInt32, flags: Int32
    ) -> CustodyError? {
        // Safety: the string lives through the call.
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, mode)
        guard descriptor >= 0 else {
            return CustodyError(
                .fileRefused, "\(path): " + (errno == EEXIST ? "exists already" : "cannot be created (errno \(errno))"))
        }
        defer { close(descriptor) }
        // Safety: the bytes are the caller's, lent for the length of the call.
        return unsafe write(path, bytes, to: descriptor)
    }

    private static func write(
        _ path: String, _ bytes: UnsafeRawBufferPointer, to descriptor: Int32
    ) -> CustodyError? {
        var written = 0
        while written < bytes.count {
            // Safety: within the buffer, which lives through the call.
            let count = unsafe Glibc.write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return CustodyError(.fileRefused, "\(path): cannot be written (errno \(errno))") }
            written += count
        }
        guard fsync(descriptor) == 0 else {
            return CustodyError(.fileRefused, "\(path): cannot be made durable (errno \(errno))")
        }
        return nil
    }

    private static func fill(_ span: inout MutableSpan<UInt8>, from descriptor: CInt) -> Bool {
        // Safety: the span's own memory, with its own length, for the length of the call.
        unsafe span.withUnsafeMutableBytes { room in
            var filled = 0
            while filled < room.count {
                // Safety: at most into the rest of the room.
                let got = unsafe Glibc.read(descriptor, room.baseAddress?.advanced(by: filled), room.count - filled)
                if got < 0 && errno == EINTR { continue }
                guard got > 0 else { return false }
                filled += got
            }
            return true
        }
    }
}
