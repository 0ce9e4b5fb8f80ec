import Glibc
import Synchronization

/// The one writer's hold on a log, or another directory, by flock(2); the kernel ends it with the process.
final class DirectoryLock: Sendable {
    private let descriptor: Mutex<Int32?>

    /// Takes the lock of a directory or refuses at once.
    convenience init(directory: String) throws(AuditLogError) {
        try self.init(file: directory + "/lock", of: directory)
    }

    /// Takes the lock of a whole log, which its directory's is not: that one moves away with each closed shard.
    convenience init(log: String) throws(AuditLogError) { try self.init(file: log + ".lock", of: log) }

    private init(file path: String, of directory: String) throws(AuditLogError) {
        // Safety: the path is lent to the call as a C string for its duration.
        let descriptor = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("open", errno, path: path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let number = errno
            close(descriptor)
            if number == EWOULDBLOCK {
                throw AuditLogError(.locked, "another process is writing this log", path: directory)
            }
            throw .system("flock", number, path: path)
        }
        guard DirectoryLock.isStill(path, descriptor) else {
            close(descriptor)
            throw AuditLogError(.locked, "another process is moving this log", path: directory)
        }
        self.descriptor = Mutex(descriptor)
    }

    deinit { release() }

    /// Whether the path still leads to what was locked: a directory that was moved meanwhile is not the log any more.
    private static func isStill(_ path: String, _ descriptor: Int32) -> Bool {
        var (locked, present) = (stat(), stat())
        // Safety: the calls fill the values they are given the addresses of, and the path lives through its own.
        guard unsafe fstat(descriptor, &locked) == 0, unsafe stat(path, &present) == 0 else { return false }
        return locked.st_ino == present.st_ino && locked.st_dev == present.st_dev
    }

    /// Lets another writer in.
    func release() {
        descriptor.withLock { descriptor in
            if let open = descriptor { close(open) }
            descriptor = nil
        }
    }
}
