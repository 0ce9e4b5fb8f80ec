internal import CVaultSystem
internal import Glibc

/// A user PIN in locked memory: left out of core dumps, empty in a forked child, overwritten when dropped.
///
/// Not Codable, not a `String`, and printed as `<redacted>`.
@safe package final class PIN: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The longest PIN this bridge takes.
    package static let longest = 255

    // Safety: written in `init` alone and freed in `deinit` alone; read-only in between.
    nonisolated(unsafe) private let memory: UnsafeMutableRawPointer
    private let capacity: Int
    private let count: Int

    /// Always `<redacted>`.
    package var description: String { "<redacted>" }
    /// Always `<redacted>`.
    package var debugDescription: String { "<redacted>" }
    /// Shows no members.
    package var customMirror: Mirror { Mirror(self, children: [:]) }

    /// Reads the PIN from a file that belongs to this user alone; one newline at the end is not part of it.
    ///
    /// Refused (`pinFileRefused`): a symbolic link, anything but a plain file, one that group or others may touch, another
    /// owner's, an empty one, more than 255 bytes.
    package convenience init(file path: String) throws(HSMError) {
        // Safety: the string lives through the call.
        let descriptor = unsafe open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw HSMError(.pinFileRefused, context: "\(path) cannot be opened") }
        defer { close(descriptor) }
        if let problem = PIN.problem(of: descriptor) {
            throw HSMError(.pinFileRefused, context: "\(path) \(problem)")
        }
        // Safety: the room is the new PIN's own memory, and nothing is read beyond its end.
        try unsafe self.init(capacity: PIN.longest + 2) { room in
            var filled = 0
            while filled < room.count {
                // Safety: reads at most into the rest of the room.
                let got = unsafe read(descriptor, room.baseAddress?.advanced(by: filled), room.count - filled)
                if got < 0 && errno == EINTR { continue }
                guard got >= 0 else { return nil }
                if got == 0 { break }
                filled += got
            }
            // Safety: `filled` bytes were read.
            if filled > 0, unsafe room[filled - 1] == UInt8(ascii: "\n") { filled -= 1 }
            return filled
        }
    }

    /// Copies a PIN; the caller wipes the array it came from.
    package convenience init(_ bytes: [UInt8]) throws(HSMError) {
        guard bytes.count <= PIN.longest else { throw HSMError(.pinLength, context: "at most \(PIN.longest) bytes") }
        // Safety: the room is the new PIN's own memory, and holds the longest PIN.
        try unsafe self.init(capacity: PIN.longest) { room in
            // Safety: as above.
            unsafe room.copyBytes(from: bytes)
            return bytes.count
        }
    }

    /// A PIN that `fill` writes straight into locked memory, such as one that lies in locked memory already.
    package convenience init(count: Int, fill: (inout MutableSpan<UInt8>) -> Void) throws(HSMError) {
        guard (1...PIN.longest).contains(count) else {
            throw HSMError(.pinLength, context: "a PIN has 1 to \(PIN.longest) bytes")
        }
        // Safety: the room is the new PIN's own memory, and holds the longest PIN.
        try unsafe self.init(capacity: PIN.longest) { room in
            // Safety: the span covers the room and does not leave the closure.
            var span = unsafe MutableSpan<UInt8>(
                _unsafeElements: UnsafeMutableBufferPointer(
                    start: room.baseAddress?.assumingMemoryBound(to: UInt8.self), count: count))
            fill(&span)
            return count
        }
    }

    init(capacity: Int, fill: (UnsafeMutableRawBufferPointer) -> Int?) throws(HSMError) {
        // Safety: freed in `deinit`, or here when there is no PIN.
        guard let memory = unsafe csystem_locked_allocate(capacity) else {
            throw HSMError(.systemRefused, context: "no locked memory for the PIN")
        }
        // Safety: `fill` gets exactly the memory that was allocated, and returns how much of it is the PIN.
        guard let count = unsafe fill(UnsafeMutableRawBufferPointer(start: memory, count: capacity)) else {
            // Safety: nothing refers to the memory yet.
            unsafe csystem_locked_free(memory, capacity)
            throw HSMError(.pinFileRefused, context: "the file cannot be read")
        }
        guard (1...PIN.longest).contains(count) else {
            // Safety: nothing refers to the memory yet.
            unsafe csystem_locked_free(memory, capacity)
            throw HSMError(.pinFileRefused, context: "a PIN has 1 to \(PIN.longest) bytes")
        }
        // Safety: owned by this object from here on.
        unsafe self.memory = memory
        self.capacity = capacity
        self.count = count
    }

    deinit {
        // Safety: the last reference is gone; the memory is overwritten before it is given back.
        unsafe csystem_locked_free(memory, capacity)
    }

    /// How many bytes the PIN has.
    package var length: Int { count }

    /// Lends the PIN's bytes for the length of the call.
    package func withBytes<Answer>(_ body: (UnsafeBufferPointer<UInt8>) -> Answer) -> Answer {
        // Safety: `count` bytes were written in `init`; the pointer does not leave the closure.
        unsafe body(UnsafeBufferPointer(start: memory.assumingMemoryBound(to: UInt8.self), count: count))
    }

    /// Why the file may not hold a PIN; nil when it may.
    private static func problem(of descriptor: CInt) -> String? {
        var status = stat()
        // Safety: a local that outlives the call.
        guard unsafe fstat(descriptor, &status) == 0 else { return "cannot be examined" }
        guard status.st_mode & S_IFMT == S_IFREG else { return "is not a plain file" }
        guard status.st_uid == geteuid() else { return "belongs to another user" }
        guard status.st_mode & (S_IRWXG | S_IRWXO) == 0 else { return "may be touched by group or others" }
        guard status.st_size <= longest + 1 else { return "is longer than a PIN" }
        return nil
    }
}
