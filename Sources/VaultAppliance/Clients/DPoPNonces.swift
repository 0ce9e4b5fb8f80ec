import Crypto
import StrictEncoding

/// The nonces we give and want to see again in DPoP proofs, kept nowhere: a time and a MAC over it.
///
/// Source: RFC 9449 section 8. The key is this process's own and new at each start, so that a proof made before a start
/// has no nonce that this process accepts.
struct DPoPNonces: Sendable {
    /// How long one nonce is given out, in seconds.
    static let rotation: Int64 = 60
    /// How long a nonce is accepted, in seconds since it was first given out.
    static let lifetime: Int64 = 180

    private let key: SymmetricKey

    /// Nonces under a key of at least 256 bits.
    init(key: SymmetricKey = SymmetricKey(size: .bits256)) { self.key = key }

    /// The nonce to give out now.
    func current(now: UnixTime) -> String {
        let start = now.seconds - now.seconds % Self.rotation
        let time = Self.bytes(of: start)
        return Base64URL.string(time + Array(HMAC<SHA256>.authenticationCode(for: time, using: key)))
    }

    /// Whether a nonce is ours and still good; compared in constant time.
    func accepts(_ nonce: String, now: UnixTime) -> Bool {
        guard let bytes = Base64URL.decode(nonce), bytes.count == 40 else { return false }
        let time = Array(bytes[..<8])
        guard HMAC<SHA256>.isValidAuthenticationCode(bytes[8...], authenticating: time, using: key) else {
            return false
        }
        let start = time.reduce(Int64(0)) { $0 << 8 | Int64($1) }
        return (0..<Self.lifetime).contains(now.seconds - start)
    }

    private static func bytes(of second: Int64) -> [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: second >> Int64($0)) }
    }
}
