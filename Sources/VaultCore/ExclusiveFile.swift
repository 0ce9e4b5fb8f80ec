import Glibc

/// A file that must not exist yet: created at once, so that two ceremonies never write one output.
struct ExclusiveFile: ~Copyable {
    private let path: String
    private let descriptor: Int32

    /// Creates the file with mode 0644; an existing one is never overwritten.
    init(path: String) throws(StartError) {
        self.path = path
        // Safety: the string lives through the call.
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw StartError(
                file: path, problem: errno == EEXIST ? "exists already" : "cannot be created (errno \(errno))",
                mend: errno == EEXIST
                    ? "move it away if its keys are no longer wanted" : "create its directory, writable for this user")
        }
    }

    deinit { close(descriptor) }

    /// Writes the bytes durably.
    func write(_ bytes: [UInt8]) throws(StartError) {
        // Safety: the buffer lives through the call, and its own count bounds it.
        let written = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written == bytes.count, fsync(descriptor) == 0 else {
            throw StartError(file: path, problem: "cannot be written (errno \(errno))", mend: "check the disk")
        }
    }

    /// Removes the file again when what should have filled it failed.
    func remove() {
        // Safety: the string lives through the call.
        unsafe unlink(path)
    }
}
