import Crypto
import StrictEncoding

/// A signature of a file as `ssh-keygen -Y sign` makes it (OpenSSH PROTOCOL.sshsig, version 1).
///
/// A value of this type only has the right form; `verify` says whether it is anybody's.
package struct SSHSignature: Sendable {
    /// How the signed file is hashed.
    package enum HashAlgorithm: String, Sendable, CaseIterable {
        case sha256, sha512

        func digest(_ message: [UInt8]) -> [UInt8] {
            switch self {
            case .sha256: Array(SHA256.hash(data: message))
            case .sha512: Array(SHA512.hash(data: message))
            }
        }
    }

    /// The longest signature file that is read, in bytes.
    package static let maximumBytes = 16_384
    private static let magic = Array("SSHSIG".utf8)

    /// The key that claims to have signed: believe it only after `verify`.
    package let publicKey: SSHPublicKey
    /// What the signature is for.
    package let namespace: String
    private let reserved: [UInt8]
    private let hashAlgorithm: HashAlgorithm
    private let signature: [UInt8]

    /// Reads an armored signature file.
    package init(armored text: [UInt8]) throws(CustodyError) {
        guard text.count <= SSHSignature.maximumBytes else {
            throw CustodyError(.malformed, "SSH signature: is too long")
        }
        var reader = SSHReader(try Armor.sshSignature.decode(text))
        guard try reader.bytes(SSHSignature.magic.count) == SSHSignature.magic, try reader.uint32() == 1 else {
            throw CustodyError(.unsupported, "SSH signature: is not of version 1")
        }
        publicKey = try SSHPublicKey(blob: try reader.string())
        namespace = try reader.text()
        // To be ignored, but it is part of what was signed (PROTOCOL.sshsig).
        reserved = try reader.string()
        guard let hashAlgorithm = HashAlgorithm(rawValue: try reader.text()) else {
            throw CustodyError(.unsupported, "SSH signature: its hash must be sha256 or sha512")
        }
        self.hashAlgorithm = hashAlgorithm
        signature = try reader.string()
        try reader.finish()
    }

    /// Reads an armored signature file given as text.
    package init(armored text: String) throws(CustodyError) { try self.init(armored: Array(text.utf8)) }

    /// Returns the key that signed exactly `message` for exactly `namespace`; throws when none did.
    package func verify(_ message: [UInt8], namespace expected: String) throws(CustodyError) -> SSHPublicKey {
        guard namespace.hasSameBytes(as: expected) else {
            throw CustodyError(
                .wrongNamespace, "the signature is for \(namespace.prefix(128)), not for \(expected)")
        }
        let data = SSHSignature.signedData(
            namespace: namespace, reserved: reserved, hash: hashAlgorithm, digest: hashAlgorithm.digest(message))
        guard try publicKey.isValid(signature: signature, over: data) else {
            throw CustodyError(
                .badSignature, "the signature is not that of \(publicKey.fingerprint) over these bytes")
        }
        return publicKey
    }

    /// The bytes a key signs (PROTOCOL.sshsig, "Signed Data, of which the signature goes into the blob above").
    static func signedData(namespace: String, reserved: [UInt8], hash: HashAlgorithm, digest: [UInt8]) -> [UInt8] {
        var writer = SSHWriter()
        writer.append(raw: magic)
        writer.append(string: Array(namespace.utf8))
        writer.append(string: reserved)
        writer.append(string: Array(hash.rawValue.utf8))
        writer.append(string: digest)
        return writer.bytes
    }

    /// The armored file around a signature in wire form.
    static func armored(publicKey: SSHPublicKey, namespace: String, hash: HashAlgorithm, signature: [UInt8]) -> [UInt8]
    {
        var writer = SSHWriter()
        writer.append(raw: magic)
        writer.append(uint32: 1)
        writer.append(string: publicKey.blob)
        writer.append(string: Array(namespace.utf8))
        writer.append(string: [])
        writer.append(string: Array(hash.rawValue.utf8))
        writer.append(string: signature)
        return Armor.sshSignature.encode(writer.bytes)
    }
}
