package import AuditLog
import Crypto

/// The private half of a witness's key, out of a file of its owner alone.
///
/// It witnesses other people's logs, and is no key of the appliance's: it lies on the disk of the witness, beside the
/// record that gives its cosignatures their meaning.
package struct WitnessSecret: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    private static let byteCount = 32

    /// The public half.
    package let key: WitnessKey
    private let secret: Curve25519.Signing.PrivateKey

    /// Shows the public half alone.
    package var description: String { "witness key \(key.name), <redacted>" }
    /// The same.
    package var debugDescription: String { description }

    /// Makes a key in a new directory: `key`, the secret's 32 bytes, and `vkey`, its public half.
    package static func create(in directory: String, name: String) throws -> WitnessKey {
        let seed = try LockedBytes.random(count: byteCount)
        let secret = try privateKey(seed)
        let key = try WitnessKey(name: name, publicKey: Array(secret.publicKey.rawRepresentation))
        try PrivateFile.makeDirectory(directory)
        try PrivateFile.create(directory + "/key", seed)
        try PrivateFile.create(directory + "/vkey", Array("\(key)\n".utf8))
        return key
    }

    /// Reads the key of a directory.
    package init(reading directory: String) throws {
        secret = try Self.privateKey(try PrivateFile.read(directory + "/key"))
        let text = String(decoding: try PrivateFile.readPublic(directory + "/vkey"), as: UTF8.self)
        guard let key = try WitnessKey.list(text).first,
            key.publicKey == Array(secret.publicKey.rawRepresentation)
        else { throw CustodyError(.fileRefused, "\(directory)/vkey: is not the public half of the key beside it") }
        self.key = key
    }

    /// The Ed25519 signature over a message.
    package func sign(_ message: [UInt8]) throws -> [UInt8] { Array(try secret.signature(for: message)) }

    private static func privateKey(_ seed: LockedBytes) throws -> Curve25519.Signing.PrivateKey {
        guard seed.count == byteCount else { throw CustodyError(.fileRefused, "a witness's key has 32 bytes") }
        // Safety: the bytes are lent for the length of the call, which copies them into memory that it wipes itself.
        return try unsafe seed.withUnsafeBytes { try unsafe Curve25519.Signing.PrivateKey(rawRepresentation: $0) }
    }
}
