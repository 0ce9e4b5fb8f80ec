import Glibc

/// The system calls whose failure the log must survive, so that tests can make them fail.
struct FileOperations: Sendable {
    /// pwrite(2): how many bytes were written, or the negated errno.
    var write: @Sendable (_ descriptor: Int32, _ bytes: ArraySlice<UInt8>, _ offset: Int64) -> Int
    /// fdatasync(2): 0 or the errno.
    var syncData: @Sendable (_ descriptor: Int32) -> Int32
    /// fsync(2): 0 or the errno.
    var sync: @Sendable (_ descriptor: Int32) -> Int32
    /// rename(2): 0 or the errno.
    var rename: @Sendable (_ from: String, _ to: String) -> Int32
    /// statvfs(3): bytes that an unprivileged writer can still use; nil when it cannot be told.
    var freeBytes: @Sendable (_ path: String) -> Int64?
    /// remove(3), of a file or an empty directory: 0 or the errno.
    var remove: @Sendable (_ path: String) -> Int32 = FileOperations.removeOne

    // Safety: the string is lent to the call as a C string for its duration.
    private static let removeOne: @Sendable (String) -> Int32 = { unsafe Glibc.remove($0) == 0 ? 0 : errno }

    /// The real ones.
    static let system = FileOperations(
        write: { descriptor, bytes, offset in
            // Safety: the pointer covers the slice's own bytes and is used within the closure.
            let count = unsafe bytes.withUnsafeBytes {
                unsafe pwrite(descriptor, $0.baseAddress, $0.count, Int(offset))
            }
            return count < 0 ? -Int(errno) : count
        },
        syncData: { fdatasync($0) == 0 ? 0 : errno },
        sync: { fsync($0) == 0 ? 0 : errno },
        // Safety: the strings are lent to the call as C strings for its duration.
        rename: { unsafe Glibc.rename($0, $1) == 0 ? 0 : errno },
        freeBytes: { path in
            var information = statvfs()
            // Safety: the call fills the value it is given the address of.
            guard unsafe statvfs(path, &information) == 0 else { return nil }
            return Int64(
                clamping: UInt64(information.f_bavail).multipliedReportingOverflow(by: UInt64(information.f_frsize)).0)
        })
}
