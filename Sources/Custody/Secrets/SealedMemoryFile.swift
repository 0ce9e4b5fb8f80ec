internal import CVaultSystem
internal import Glibc

/// A secret in a file that exists in memory alone, that nobody can change, and that ends with its last descriptor.
///
/// The one way of a secret out of a process: to the service manager, for the length of a restart.
package struct SealedMemoryFile: ~Copyable {
    /// The longest that is read back, in bytes.
    private static let longest = 1 << 16

    /// The file's descriptor; closed with this value.
    package let descriptor: Int32

    /// Writes a secret into a new file of this kind.
    package init(name: String, _ bytes: LockedBytes) throws(CustodyError) {
        // Safety: the bytes are lent for the length of the call.
        descriptor = unsafe bytes.withUnsafeBytes { room in
            // Safety: as above; an empty room is refused by its size.
            guard let start = room.baseAddress else { return -1 }
            return unsafe csystem_sealed_file(name, start, room.count)
        }
        guard descriptor >= 0 else {
            throw CustodyError(.systemRefused, "no sealed file in memory is to be had (errno \(errno))")
        }
    }

    /// Takes over a descriptor that was handed to this process.
    package init(inheriting descriptor: Int32) {
        self.descriptor = descriptor
        // What this process starts inherits nothing of it.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    deinit { close(descriptor) }

    /// The secret; refused unless nobody can have changed it.
    package func read() throws(CustodyError) -> LockedBytes {
        var status = stat()
        // Safety: a local that outlives the call.
        guard unsafe fstat(descriptor, &status) == 0, csystem_is_sealed_file(descriptor) == 1 else {
            throw CustodyError(.fileRefused, "what the service manager kept is no sealed file")
        }
        guard (1...SealedMemoryFile.longest).contains(Int(status.st_size)) else {
            throw CustodyError(.fileRefused, "what the service manager kept has no size it can have")
        }
        let descriptor = descriptor
        var isWhole = false
        let bytes = try LockedBytes(count: Int(status.st_size)) { span in
            // Safety: the span's own memory with its own length, for the length of the call.
            isWhole = unsafe span.withUnsafeMutableBytes { room in
                unsafe pread(descriptor, room.baseAddress, room.count, 0) == room.count
            }
        }
        guard isWhole else { throw CustodyError(.fileRefused, "what the service manager kept cannot be read") }
        return bytes
    }
}
