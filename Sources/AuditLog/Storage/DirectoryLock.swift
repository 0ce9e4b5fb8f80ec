import Glibc
import Synchronization

/// The one writer's hold on a log directory, by flock(2); the kernel ends it with the process.
final class DirectoryLock: Sendable {
    private let descriptor: Mutex<Int32?>

    /// Takes the lock or refuses at once.
    init(directory: String) throws(AuditLogError) {
        let path = directory + "/lock"
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
        self.descriptor = Mutex(descriptor)
    }

    deinit { release() }

    /// Lets another writer in.
    func release() {
        descriptor.withLock { descriptor in
            if let open = descriptor { close(open) }
            descriptor = nil
        }
    }
}
