internal import Crypto

/// What is to be signed, hashed once on the host for both the token and the host's check.
enum SigningInput {
    case sha256(SHA256Digest)
    case sha384(SHA384Digest)
    /// EdDSA takes the message itself (RFC 8032 section 5.1.6).
    case message([UInt8])

    /// DER of DigestInfo up to the digest, for SHA-256 (RFC 8017 section 9.2, note 1).
    private static let digestInfoPrefix: [UInt8] = [
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
        0x20,
    ]

    init(_ message: [UInt8], algorithm: KeyAlgorithm) {
        switch algorithm {
        case .es256, .rs256, .ps256: self = .sha256(SHA256.hash(data: message))
        case .es384: self = .sha384(SHA384.hash(data: message))
        // Key encryption keys sign nothing: no verifier takes what is not hashed, but EdDSA's.
        case .edDSA, .rsaOAEP, .rsaOAEP256: self = .message(message)
        }
    }

    /// Puts what the token is asked to sign into `room`, which keeps its memory from one signature to the next.
    func write(to room: inout [UInt8], message: [UInt8], mechanism: Mechanism) {
        room.removeAll(keepingCapacity: true)
        switch (self, mechanism.type) {
        case (_, .sha256RSAPKCS), (.message, _): room.append(contentsOf: message)
        case (.sha256(let digest), .rsaPKCS):
            room.append(contentsOf: SigningInput.digestInfoPrefix)
            room.append(contentsOf: digest)
        case (.sha256(let digest), _): room.append(contentsOf: digest)
        case (.sha384(let digest), _): room.append(contentsOf: digest)
        }
    }
}
