internal import Crypto
internal import Synchronization

/// PINs that a token refused in this process: none of them is tried a second time, so that no bug locks a token.
///
/// Keeps keyed digests only; the key is random and never leaves the process.
final class RefusedPINs: Sendable {
    /// Beyond this many wrong PINs none is tried any more until the process is restarted.
    private static let limit = 64

    private let key = SymmetricKey(size: .bits256)
    private let digests = Mutex<Set<[UInt8]>>([])

    /// Whether this PIN must not be tried with that token.
    func contains(_ pin: PIN, serial: String) -> Bool {
        // Almost always there is nothing to compare with, and a PIN that nobody hashes leaves no trace.
        guard digests.withLock({ !$0.isEmpty }) else { return false }
        let digest = digest(of: pin, serial: serial)
        return digests.withLock { $0.contains(digest) || $0.count >= RefusedPINs.limit }
    }

    /// Remembers that the token refused the PIN.
    func insert(_ pin: PIN, serial: String) {
        let digest = digest(of: pin, serial: serial)
        digests.withLock { _ = $0.insert(digest) }
    }

    private func digest(of pin: PIN, serial: String) -> [UInt8] {
        var code = HMAC<SHA256>(key: key)
        code.update(data: Array(serial.utf8) + [0])
        // Safety: the PIN's memory is lent for the length of the call.
        unsafe pin.withBytes { unsafe code.update(data: UnsafeRawBufferPointer($0)) }
        // The hash keeps what does not fill a block, in memory that is freed as it is: a block of zeros takes its place.
        code.update(data: [UInt8](repeating: 0, count: SHA256.blockByteCount))
        return Array(code.finalize())
    }
}
