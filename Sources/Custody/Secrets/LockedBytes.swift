internal import CVaultSystem
internal import Glibc

/// A secret in locked memory: left out of core dumps, empty in a forked child, overwritten when dropped.
///
/// Not Codable, never a `String`, and printed as `<redacted>`.
@safe
package final class LockedBytes: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// The longest secret, so that nobody locks the machine's memory.
    private static let longest = 1 << 20

    // Safety: written in `init` alone and freed in `deinit` alone; read-only in between.
    nonisolated(unsafe) private let memory: UnsafeMutableRawPointer
    package let count: Int

    /// Always `<redacted>`.
    package var description: String { "<redacted>" }
    /// Always `<redacted>`.
    package var debugDescription: String { "<redacted>" }
    /// Shows no members.
    package var customMirror: Mirror { Mirror(self, children: [:]) }

    /// Memory of `count` zero bytes that `fill` may write.
    package init(count: Int, fill: (inout MutableSpan<UInt8>) -> Void) throws(CustodyError) {
        guard (0...LockedBytes.longest).contains(count) else {
            throw CustodyError(.systemRefused, "a secret of \(count) bytes is too long")
        }
        // Safety: freed in `deinit`, with the same size.
        guard let memory = unsafe csystem_locked_allocate(max(1, count)) else {
            throw CustodyError(.systemRefused, "no locked memory is to be had (errno \(errno)); see ulimit -l")
        }
        // Safety: owned by this object from here on.
        unsafe self.memory = memory
        self.count = count
        // Safety: exactly the memory that was allocated; the span does not leave the closure.
        var span = unsafe MutableSpan<UInt8>(
            _unsafeElements: UnsafeMutableBufferPointer(
                start: memory.assumingMemoryBound(to: UInt8.self), count: count))
        fill(&span)
    }

    /// A copy; the caller wipes what it came from.
    package convenience init(copying bytes: some Collection<UInt8>) throws(CustodyError) {
        try self.init(count: bytes.count) { span in
            for (index, byte) in bytes.enumerated() { span[index] = byte }
        }
    }

    /// Random bytes of the kernel's generator that have never been elsewhere in memory.
    package static func random(count: Int) throws(CustodyError) -> LockedBytes {
        var generator = SystemRandomNumberGenerator()
        return try LockedBytes(count: count) { span in
            for index in span.indices { span[index] = UInt8.random(in: .min ... .max, using: &generator) }
        }
    }

    deinit {
        // Safety: the last reference is gone; the memory is overwritten before it is given back.
        unsafe csystem_locked_free(memory, max(1, count))
    }

    /// Lends the bytes for the length of the call.
    package func withSpan<Answer>(_ body: (Span<UInt8>) -> Answer) -> Answer {
        // Safety: `count` bytes were written in `init`; the span does not leave the closure.
        body(
            unsafe Span<UInt8>(
                _unsafeElements: UnsafeBufferPointer(
                    start: memory.assumingMemoryBound(to: UInt8.self), count: count)))
    }

    /// Lends the bytes to libraries that take a raw buffer; it must not leave the call.
    func withUnsafeBytes<Answer>(_ body: (UnsafeRawBufferPointer) throws -> Answer) rethrows -> Answer {
        // Safety: `count` bytes were written in `init`, and live as long as this object.
        try unsafe body(UnsafeRawBufferPointer(start: memory, count: count))
    }

    /// Whether both hold the same bytes, in a time that depends on their length alone.
    package func hasSameBytes(as other: LockedBytes) -> Bool {
        guard count == other.count else { return false }
        return withSpan { left in
            other.withSpan { right in
                var difference: UInt8 = 0
                for index in left.indices { difference |= left[index] ^ right[index] }
                return difference == 0
            }
        }
    }

    /// Overwrites an array that held a secret, and empties it.
    ///
    /// Only the array's own storage: copies that were made of it are the caller's to wipe.
    package static func wipe(_ bytes: inout [UInt8]) {
        // Safety: the buffer is the array's storage, with its own length.
        unsafe bytes.withUnsafeMutableBytes { buffer in
            // Safety: as above.
            if let start = buffer.baseAddress { unsafe csystem_wipe(start, buffer.count) }
        }
        bytes = []
    }
}
