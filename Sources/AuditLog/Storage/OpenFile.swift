import Glibc
import StrictEncoding

/// An open file descriptor, closed when the value goes away.
struct OpenFile: ~Copyable {
    let descriptor: Int32
    let path: String

    /// How a file is opened; always close-on-exec.
    enum Mode {
        case reading
        case updating
        /// Made empty, or made new with mode 0600: entries name people.
        case creating
        case directory

        fileprivate var flags: Int32 {
            switch self {
            case .reading: O_RDONLY | O_CLOEXEC
            case .updating: O_RDWR | O_CLOEXEC
            case .creating: O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC
            case .directory: O_RDONLY | O_DIRECTORY | O_CLOEXEC
            }
        }
    }

    /// Opens a file.
    init(_ path: String, _ mode: Mode) throws(AuditLogError) {
        // Safety: the path is lent to the call as a C string for its duration.
        let descriptor = unsafe Glibc.open(path, mode.flags, 0o600)
        guard descriptor >= 0 else {
            if errno == ENOENT { throw AuditLogError(.missingFile, "does not exist", path: path) }
            // Only making a file takes space. What fails on one that exists is no full disk that might have room again
            // later: tried again, it would be tried halfway through a step whose first half is done.
            if mode == .creating { throw .space("open", errno, path: path) }
            throw .system("open", errno, path: path)
        }
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    /// How many bytes the file has.
    func size() throws(AuditLogError) -> Int { Int(try status().st_size) }

    /// When its content was changed last.
    func modified() throws(AuditLogError) -> UnixTime {
        let time = try status().st_mtim
        return UnixTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    private func status() throws(AuditLogError) -> stat {
        var status = stat()
        // Safety: the call fills the value it is given the address of.
        guard unsafe fstat(descriptor, &status) == 0 else { throw .system("fstat", errno, path: path) }
        return status
    }

    /// The bytes from the start, at most `limit`.
    func contents(limit: Int = .max) throws(AuditLogError) -> [UInt8] {
        let size = min(try size(), limit)
        var failure: Int32 = 0
        // Safety: each read stays within the capacity the buffer was made with, and counts what it has filled.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                // Safety: `count` is below `size`, the buffer's capacity.
                let got = unsafe pread(descriptor, buffer.baseAddress.map { unsafe $0 + count }, size - count, count)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                guard got > 0 else { return }
                count += got
            }
        }
        guard failure == 0 else { throw .system("read", failure, path: path) }
        return bytes
    }

    /// The bytes of a file.
    static func contents(of path: String, limit: Int = .max) throws(AuditLogError) -> [UInt8] {
        try OpenFile(path, .reading).contents(limit: limit)
    }

    /// The same, or nil when there is no such file.
    static func contentsIfPresent(of path: String) throws(AuditLogError) -> [UInt8]? {
        do {
            return try contents(of: path)
        } catch {
            guard error.code == .missingFile else { throw error }
            return nil
        }
    }

    /// Writes all of `bytes` at an offset.
    func write(_ bytes: ArraySlice<UInt8>, at offset: Int64, _ operations: FileOperations) throws(AuditLogError) {
        var rest = bytes
        var position = offset
        while !rest.isEmpty {
            let count = operations.write(descriptor, rest, position)
            if count == -Int(EINTR) { continue }
            guard count > 0 else { throw .space("write", Int32(clamping: -count), path: path) }
            rest = rest.dropFirst(count)
            position += Int64(count)
        }
    }

    /// Writes zeros over a range of offsets, a piece at a time.
    func writeZeros(_ range: Range<Int>, _ operations: FileOperations) throws(AuditLogError) {
        let zeros = [UInt8](repeating: 0, count: min(range.count, 1 << 20))
        var position = range.lowerBound
        while position < range.upperBound {
            let piece = zeros.prefix(range.upperBound - position)
            try write(piece, at: Int64(position), operations)
            position += piece.count
        }
    }

    /// Starts writing what is in memory to the disk without waiting; only a hint, so its result does not matter.
    func beginWriteback() {
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    }

    /// Makes the file's data durable.
    ///
    /// A failure is final: what the file holds is unknown from then on.
    func syncData(_ operations: FileOperations) throws(AuditLogError) {
        let number = operations.syncData(descriptor)
        guard number == 0 else { throw .system("fdatasync", number, path: path) }
    }

    /// Makes data and metadata durable; as final.
    func sync(_ operations: FileOperations) throws(AuditLogError) {
        let number = operations.sync(descriptor)
        guard number == 0 else { throw .system("fsync", number, path: path) }
    }
}
