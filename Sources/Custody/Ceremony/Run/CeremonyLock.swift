internal import Glibc

/// Keeps two processes from running one ceremony at once; held for as long as it lives, let go when the process ends.
struct CeremonyLock: ~Copyable {
    private let descriptor: Int32

    init(_ directory: CeremonyDirectory) throws(CustodyError) {
        let path = directory.file("lock")
        // Safety: the string lives through the call.
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw CustodyError(.fileRefused, "\(path): cannot be opened (errno \(errno))")
        }
        // A child that this process is just starting holds a copy until it executes its program: that is soon over.
        var tries = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0, tries < 50 {
            tries += 1
            usleep(10_000)
        }
        guard tries < 50 else {
            close(descriptor)
            throw CustodyError(.wrongState, "another process is at work on this ceremony: wait for it, or end it")
        }
    }

    deinit { close(descriptor) }
}
