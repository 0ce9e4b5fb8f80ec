internal import CVaultSystem

/// A sealed secret that was opened, in locked memory: left out of core dumps, overwritten when dropped.
///
/// Not Codable, never a `String`, and printed as `<redacted>`. For one recorded use: who is done with it drops it.
@safe
package final class SecretValue: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    // Safety: written in `init` alone and freed in `deinit` alone; read-only in between.
    nonisolated(unsafe) private let memory: UnsafeMutableRawPointer
    /// How many bytes it has.
    package let count: Int

    /// Always `<redacted>`.
    package var description: String { "<redacted>" }
    /// Always `<redacted>`.
    package var debugDescription: String { "<redacted>" }
    /// Shows no members.
    package var customMirror: Mirror { Mirror(self, children: [:]) }

    /// Memory of `count` zero bytes that `fill` writes; nil when the system gives no locked memory.
    package init?(count: Int, fill: (inout MutableSpan<UInt8>) -> Void) {
        // Safety: freed in `deinit`, with the same size.
        guard count > 0, let memory = unsafe csystem_locked_allocate(count) else { return nil }
        // Safety: owned by this object from here on.
        unsafe self.memory = memory
        self.count = count
        // Safety: exactly the memory that was allocated; the span does not leave the closure.
        var span = unsafe MutableSpan<UInt8>(
            _unsafeElements: UnsafeMutableBufferPointer(
                start: memory.assumingMemoryBound(to: UInt8.self), count: count))
        fill(&span)
    }

    deinit {
        // Safety: the last reference is gone; the memory is overwritten before it is given back.
        unsafe csystem_locked_free(memory, count)
    }

    /// Lends the bytes for the length of the call.
    package func withSpan<Answer>(_ body: (Span<UInt8>) throws -> Answer) rethrows -> Answer {
        // Safety: `count` bytes were written in `init`; the span does not leave the closure.
        try body(
            unsafe Span<UInt8>(
                _unsafeElements: UnsafeBufferPointer(
                    start: memory.assumingMemoryBound(to: UInt8.self), count: count)))
    }
}
