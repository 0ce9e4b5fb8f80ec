import Crypto
import CryptoExtras
import Foundation
import StrictEncoding

/// A person's SSH public key: who approves what is known by it.
///
/// Source: RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH PROTOCOL.u2f.
package struct SSHPublicKey: Sendable, Hashable, CustomStringConvertible {
    /// The key types that are accepted.
    ///
    /// DSA, P-521 and certificates are not.
    package enum Algorithm: String, Sendable, CaseIterable {
        case ed25519 = "ssh-ed25519"
        case p256 = "ecdsa-sha2-nistp256"
        case p384 = "ecdsa-sha2-nistp384"
        case rsa = "ssh-rsa"
        /// Ed25519 in a FIDO device.
        case securityKeyEd25519 = "sk-ssh-ed25519@openssh.com"
        /// P-256 in a FIDO device.
        case securityKeyP256 = "sk-ecdsa-sha2-nistp256@openssh.com"
    }

    /// The largest public key that is read: RSA with 16,384 bits fits.
    static let maximumBytes = 4096

    package let algorithm: Algorithm
    /// The key in wire form.
    package let blob: [UInt8]
    let material: Material

    /// The parts of a key, checked.
    enum Material: Sendable, Hashable {
        case ed25519([UInt8], application: [UInt8]?)
        case p256([UInt8], application: [UInt8]?)
        case p384([UInt8])
        case rsa(modulus: [UInt8], exponent: [UInt8])
    }

    /// Keys are the same when their wire forms are.
    package static func == (left: SSHPublicKey, right: SSHPublicKey) -> Bool { left.blob == right.blob }

    /// Hashes the wire form.
    package func hash(into hasher: inout Hasher) { hasher.combine(blob) }

    /// Reads a key in wire form.
    package init(blob: [UInt8]) throws(CustodyError) {
        guard blob.count <= SSHPublicKey.maximumBytes else { throw CustodyError(.malformed, "SSH key: is too long") }
        var reader = SSHReader(blob)
        let name = try reader.text()
        guard let algorithm = Algorithm(rawValue: name) else {
            throw CustodyError(.unsupported, "SSH key: keys of type \(name.prefix(64)) are not accepted")
        }
        material = try Material(algorithm, &reader)
        try reader.finish()
        self.algorithm = algorithm
        self.blob = blob
    }

    /// Reads a line of `id_ed25519.pub` or of an allowed signers file's key part: type, base 64, any comment.
    package init(line: String) throws(CustodyError) {
        let fields = line.utf8.split(
            maxSplits: 2, omittingEmptySubsequences: true, whereSeparator: { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D })
        guard line.utf8.count <= 4 * SSHPublicKey.maximumBytes, fields.count >= 2,
            let blob = StandardBase64.decode(Array(fields[1]))
        else { throw CustodyError(.malformed, "SSH key: must be a line like: ssh-ed25519 AAAA... name") }
        try self.init(blob: blob)
        guard algorithm.rawValue.utf8.elementsEqual(fields[0]) else {
            throw CustodyError(.malformed, "SSH key: its line names another type than the key has")
        }
    }

    /// Type and base 64, as in an authorized_keys file, without a comment.
    package var line: String { "\(algorithm.rawValue) \(StandardBase64.string(blob))" }

    /// As `ssh-keygen -l` prints it: `SHA256:` and base 64 without padding.
    package var fingerprint: String {
        "SHA256:" + StandardBase64.string(Array(SHA256.hash(data: blob)), isPadded: false)
    }

    package var description: String { fingerprint }
}

extension SSHPublicKey.Material {
    fileprivate init(_ algorithm: SSHPublicKey.Algorithm, _ reader: inout SSHReader) throws(CustodyError) {
        switch algorithm {
        case .ed25519: self = .ed25519(try Self.ed25519(&reader), application: nil)
        case .securityKeyEd25519: self = .ed25519(try Self.ed25519(&reader), application: try reader.string())
        case .p256: self = .p256(try Self.point("nistp256", 65, &reader), application: nil)
        case .securityKeyP256:
            self = .p256(try Self.point("nistp256", 65, &reader), application: try reader.string())
        case .p384: self = .p384(try Self.point("nistp384", 97, &reader))
        case .rsa:
            let exponent = try reader.positiveInteger()
            let modulus = try reader.positiveInteger()
            let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 8)
            guard bits >= Self.minimumRSABits, (try? _RSA.Signing.PublicKey(n: modulus, e: exponent)) != nil else {
                throw CustodyError(.unsupported, "SSH key: RSA keys must have at least \(Self.minimumRSABits) bits")
            }
            self = .rsa(modulus: modulus, exponent: exponent)
        }
    }

    /// NIST SP 800-57 part 1: fewer bits protect nothing that is made today.
    private static var minimumRSABits: Int { 2048 }

    private static func ed25519(_ reader: inout SSHReader) throws(CustodyError) -> [UInt8] {
        let bytes = try reader.string()
        guard bytes.count == 32, (try? Curve25519.Signing.PublicKey(rawRepresentation: bytes)) != nil else {
            throw CustodyError(.malformed, "SSH key: is no Ed25519 key")
        }
        return bytes
    }

    private static func point(
        _ curve: String, _ count: Int, _ reader: inout SSHReader
    ) throws(CustodyError) -> [UInt8] {
        guard try reader.text() == curve else { throw CustodyError(.malformed, "SSH key: is on another curve") }
        let bytes = try reader.string()
        let isOnCurve =
            count == 65
            ? (try? P256.Signing.PublicKey(x963Representation: bytes)) != nil
            : (try? P384.Signing.PublicKey(x963Representation: bytes)) != nil
        guard bytes.count == count, bytes.first == 4, isOnCurve else {
            throw CustodyError(.malformed, "SSH key: is no uncompressed point of \(curve)")
        }
        return bytes
    }
}
