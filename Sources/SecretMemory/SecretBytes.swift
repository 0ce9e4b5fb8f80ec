import CVaultSystem

/// Secret bytes in locked memory: left out of core dumps, empty in a forked child, overwritten when dropped.
///
/// Not Codable, not a `String`, and printed as `<redacted>`; two of them are compared in constant time.
@safe
package final class SecretBytes: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// How many bytes there are.
    package let count: Int
    // Safety: written in `init` alone and freed in `deinit` alone; read-only in between.
    nonisolated(unsafe) private let memory: UnsafeMutableRawPointer
    private let capacity: Int

    /// Always `<redacted>`.
    package var description: String { "<redacted>" }
    /// Always `<redacted>`.
    package var debugDescription: String { "<redacted>" }
    /// Shows no members.
    package var customMirror: Mirror { Mirror(self, children: [:]) }
    /// Whether there is nothing in it.
    package var isEmpty: Bool { count == 0 }

    /// Locks room for `capacity` bytes and lets `fill` write them; it returns how many it has written.
    ///
    /// What `fill` throws is passed on, and the room is overwritten.
    package init(capacity: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Int) throws {
        // The system locks whole pages, and none for nothing.
        self.capacity = max(1, capacity)
        // Safety: freed in `deinit`, or below when there will be none.
        guard let memory = unsafe csystem_locked_allocate(self.capacity) else { throw SecretMemoryError.notLocked }
        do {
            // Safety: `fill` gets the memory that was allocated, for the length of the call.
            let count = try unsafe fill(UnsafeMutableRawBufferPointer(start: memory, count: capacity))
            precondition((0...capacity).contains(count), "no more than there is room for")
            self.count = count
        } catch {
            // Safety: nothing refers to the memory yet.
            unsafe csystem_locked_free(memory, self.capacity)
            throw error
        }
        // Safety: owned by this object from here on.
        unsafe self.memory = memory
    }

    /// Copies bytes; the caller wipes where they came from.
    package convenience init(copying bytes: some Collection<UInt8>) throws {
        // Safety: the room holds as many bytes as are copied into it.
        try unsafe self.init(capacity: bytes.count) { room in
            // Safety: as above.
            unsafe room.copyBytes(from: bytes)
            return bytes.count
        }
    }

    deinit {
        // Safety: the last reference is gone; the memory is overwritten before it is given back.
        unsafe csystem_locked_free(memory, capacity)
    }

    /// Lends the bytes for the length of the call.
    package func withBytes<Answer>(_ body: (UnsafeRawBufferPointer) throws -> Answer) rethrows -> Answer {
        // Safety: `count` bytes were written in `init`, and nothing writes to them any more.
        try unsafe body(UnsafeRawBufferPointer(start: memory, count: count))
    }

    /// Whether both hold the same bytes; how long it takes tells their lengths alone.
    package func hasSameBytes(as other: SecretBytes) -> Bool {
        guard count == other.count else { return false }
        return unsafe withBytes { left in
            // Safety: both buffers have `count` bytes and are lent for the length of the call.
            unsafe other.withBytes { right in
                var difference: UInt8 = 0
                for index in 0..<count { unsafe difference |= left[index] ^ right[index] }
                return difference == 0
            }
        }
    }

    /// Overwrites an array that held a secret; other copies of it, if there are any, stay as they are.
    package static func wipe(_ bytes: inout [UInt8]) {
        // Safety: the array's own memory, for the length of the call.
        unsafe bytes.withUnsafeMutableBytes { room in
            guard let start = room.baseAddress else { return }
            // Safety: as above.
            unsafe csystem_wipe(start, room.count)
        }
        bytes = []
    }
}
