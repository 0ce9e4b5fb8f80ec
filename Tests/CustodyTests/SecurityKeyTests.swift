import Crypto
import Custody
import Foundation
import StrictEncoding
import Testing

/// FIDO keys need a device and a finger: these tests build what the device would have signed (PROTOCOL.u2f).
@Suite struct SecurityKeyTests {
    private static let message = Array("approve\n".utf8)
    private static let namespace = "plan@vault-appliance"

    private static func string(_ bytes: some Collection<UInt8>) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bytes.count >> $0) } + bytes
    }

    /// The public key as it stands in files, and the signature.
    private struct Signed {
        let line: String
        let armored: [UInt8]

        init(_ type: String, _ blob: [UInt8], _ signature: [UInt8]) {
            line = "\(type) \(Data(blob).base64EncodedString())"
            armored = SecurityKeyTests.armored(blob, signature)
        }
    }

    private static func armored(_ blob: [UInt8], _ signature: [UInt8]) -> [UInt8] {
        let body =
            Array("SSHSIG".utf8) + [0, 0, 0, 1] + string(blob) + string(namespace.utf8) + string([])
            + string("sha512".utf8) + string(signature)
        let digits = Array(Data(body).base64EncodedString().utf8)
        let lines = stride(from: 0, to: digits.count, by: 70).map { Array(digits[$0..<min($0 + 70, digits.count)]) }
        return Array("-----BEGIN SSH SIGNATURE-----\n".utf8) + lines.joined(separator: [0x0A])
            + Array("\n-----END SSH SIGNATURE-----\n".utf8)
    }

    /// What the device signs: hashes of application and message around its flags and counter.
    private static func frame(flags: UInt8) -> [UInt8] {
        let signed =
            Array("SSHSIG".utf8) + string(namespace.utf8) + string([]) + string("sha512".utf8)
            + string(Array(SHA512.hash(data: message)))
        return Array(SHA256.hash(data: Data("ssh:".utf8))) + [flags, 0, 0, 0, 9] + Array(SHA256.hash(data: signed))
    }

    private static func ed25519(flags: UInt8) throws -> Signed {
        let key = Curve25519.Signing.PrivateKey()
        let type = "sk-ssh-ed25519@openssh.com"
        let blob = string(type.utf8) + string(Array(key.publicKey.rawRepresentation)) + string("ssh:".utf8)
        let signature = string(type.utf8) + string(Array(try key.signature(for: frame(flags: flags))))
        return Signed(type, blob, signature + [flags, 0, 0, 0, 9])
    }

    private static func p256(flags: UInt8) throws -> Signed {
        let key = P256.Signing.PrivateKey()
        let type = "sk-ecdsa-sha2-nistp256@openssh.com"
        let blob =
            string(type.utf8) + string("nistp256".utf8) + string(Array(key.publicKey.x963Representation))
            + string("ssh:".utf8)
        let raw = Array(try key.signature(for: frame(flags: flags)).rawRepresentation)
        let numbers = [raw[..<32], raw[32...]].map { half in
            let short = half.drop { $0 == 0 }
            return string(short.first ?? 0 >= 0x80 ? [0] + short : Array(short))
        }
        return Signed(type, blob, string(type.utf8) + string(Array(numbers.joined())) + [flags, 0, 0, 0, 9])
    }

    @Test func aTouchedSecurityKeyIsAccepted() throws {
        for signed in [try SecurityKeyTests.ed25519(flags: 1), try SecurityKeyTests.p256(flags: 5)] {
            #expect(throws: Never.self) {
                try SSHSignature(armored: signed.armored)
                    .verify(SecurityKeyTests.message, namespace: SecurityKeyTests.namespace)
            }
        }
    }

    @Test func aSecurityKeyThatNobodyTouchedIsRefused() throws {
        for signed in [try SecurityKeyTests.ed25519(flags: 0), try SecurityKeyTests.p256(flags: 4)] {
            #expect(throws: CustodyError(.badSignature, "")) {
                try SSHSignature(armored: signed.armored)
                    .verify(SecurityKeyTests.message, namespace: SecurityKeyTests.namespace)
            }
        }
    }

    /// What these tests take for a device's signature is one: OpenSSH, which needs no device to verify, reads it so too.
    @Test func whatTheseTestsSignSSHKeygenAccepts() throws {
        for signed in [try SecurityKeyTests.ed25519(flags: 1), try SecurityKeyTests.p256(flags: 5)] {
            let directory = try TemporaryDirectory()
            let signature = try directory.write(signed.armored, to: "signature")
            let signers = try directory.write("alice \(signed.line)\n".utf8, to: "signers")
            let arguments = [
                "ssh-keygen", "-Y", "verify", "-f", signers, "-I", "alice", "-n", SecurityKeyTests.namespace, "-s",
                signature,
            ]
            let verified = try Program.run(arguments, input: SecurityKeyTests.message)
            #expect(verified.status == 0, "\(verified.errors)")
            #expect(try Program.run(arguments, input: SecurityKeyTests.message + [0]).status != 0)
            #expect(
                try SSHSignature(armored: signed.armored)
                    .verify(SecurityKeyTests.message, namespace: SecurityKeyTests.namespace)
                    == SSHPublicKey(line: signed.line))
        }
    }
}
