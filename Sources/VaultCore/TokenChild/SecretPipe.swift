import Custody
import Glibc

/// One end of a pair of sockets between a process and its child: frames of a length and bytes, secrets among them.
struct SecretPipe {
    /// The longest frame.
    private static let longest = 1 << 20

    private let descriptor: CInt

    init(_ descriptor: CInt) { self.descriptor = descriptor }

    /// Sends bytes with their length in front; false when the other end is gone.
    func writeFrame(_ bytes: [UInt8]) -> Bool { writeLength(bytes.count) && write(bytes) }

    /// Sends a secret from its locked memory.
    func writeSecret(_ secret: LockedBytes) -> Bool {
        writeLength(secret.count)
            && secret.withSpan { span in
                // Safety: the span's own memory, with its own length, for the length of the call.
                unsafe span.withUnsafeBytes { unsafe send($0) }
            }
    }

    /// Sends bytes as they are.
    func write(_ bytes: [UInt8]) -> Bool {
        // Safety: the array lives through the call.
        unsafe bytes.withUnsafeBytes { unsafe send($0) }
    }

    /// A frame; nil when there is none, or it is too long.
    func readFrame() -> [UInt8]? {
        guard let length = readLength() else { return nil }
        var bytes = [UInt8](repeating: 0, count: length)
        // Safety: the array's own storage, with its own length.
        let isWhole = unsafe bytes.withUnsafeMutableBytes { unsafe fill($0) }
        return isWhole ? bytes : nil
    }

    /// A frame, straight into locked memory.
    func readSecret() -> LockedBytes? {
        guard let length = readLength() else { return nil }
        var isWhole = false
        let secret = try? LockedBytes(count: length) { span in
            // Safety: the span's own memory, with its own length.
            isWhole = unsafe span.withUnsafeMutableBytes { unsafe fill($0) }
        }
        return isWhole ? secret : nil
    }

    private func writeLength(_ length: Int) -> Bool {
        write((0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) })
    }

    private func readLength() -> Int? {
        var bytes = [UInt8](repeating: 0, count: 4)
        // Safety: the array's own storage, with its own length.
        guard unsafe bytes.withUnsafeMutableBytes({ unsafe fill($0) }) else { return nil }
        let length = bytes.reduce(0) { $0 << 8 | Int($1) }
        return length <= SecretPipe.longest ? length : nil
    }

    private func send(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var sent = 0
        while sent < bytes.count {
            // Safety: within the buffer. MSG_NOSIGNAL: a child that died must not end its parent.
            let count = unsafe Glibc.send(
                descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, CInt(MSG_NOSIGNAL))
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    private func fill(_ room: UnsafeMutableRawBufferPointer) -> Bool {
        var filled = 0
        while filled < room.count {
            // Safety: at most into the rest of the room.
            let count = unsafe read(descriptor, room.baseAddress?.advanced(by: filled), room.count - filled)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            filled += count
        }
        return true
    }
}
