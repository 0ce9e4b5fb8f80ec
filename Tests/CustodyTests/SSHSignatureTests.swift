import Custody
import Foundation
import StrictEncoding
import Testing

@Suite struct SSHSignatureTests {
    static let message = Array("approve this, and nothing else\n".utf8)
    static let namespace = "plan@vault-appliance"

    /// A key of ssh-keygen's and its signature over the message.
    static func made(_ directory: TemporaryDirectory, _ options: [String]) throws -> (key: String, signature: [UInt8]) {
        let key = directory.file("key").path
        let made = try Program.run(["ssh-keygen", "-q", "-N", "", "-C", "alice", "-f", key] + options)
        try #require(made.status == 0, "\(made.errors)")
        let file = try directory.write(message, to: "message")
        let signed = try Program.run(["ssh-keygen", "-Y", "sign", "-f", key, "-n", namespace, file])
        try #require(signed.status == 0, "\(signed.errors)")
        return (String(decoding: try directory.read("key.pub"), as: UTF8.self), try directory.read("message.sig"))
    }

    @Test(arguments: [
        ["-t", "ed25519"], ["-t", "ecdsa", "-b", "256"], ["-t", "ecdsa", "-b", "384"], ["-t", "rsa", "-b", "2048"],
        ["-t", "rsa", "-b", "4096"],
    ]) func aSignatureOfSSHKeygenIsAccepted(options: [String]) throws {
        let directory = try TemporaryDirectory()
        let (line, bytes) = try SSHSignatureTests.made(directory, options)
        let signature = try SSHSignature(armored: bytes)
        let key = try signature.verify(SSHSignatureTests.message, namespace: SSHSignatureTests.namespace)
        #expect(key == (try SSHPublicKey(line: line)))
        let listed = try Program.run(["ssh-keygen", "-l", "-f", directory.file("key.pub").path])
        #expect(String(decoding: listed.output, as: UTF8.self).contains(key.fingerprint))
    }

    @Test func everyChangedByteOfASignatureIsRefused() throws {
        let (_, bytes) = try SSHSignatureTests.made(try TemporaryDirectory(), ["-t", "ed25519"])
        for index in bytes.indices.dropLast() {
            var changed = bytes
            changed[index] ^= 1
            #expect(throws: CustodyError.self, "byte \(index)") {
                let key = try SSHSignature(armored: changed)
                    .verify(SSHSignatureTests.message, namespace: SSHSignatureTests.namespace)
                // The reserved field and nothing else may differ; a signature over it would not verify.
                _ = key
            }
        }
    }

    @Test func anotherMessageOrUseIsRefused() throws {
        let (_, bytes) = try SSHSignatureTests.made(try TemporaryDirectory(), ["-t", "ed25519"])
        let signature = try SSHSignature(armored: bytes)
        #expect(throws: CustodyError(.badSignature, "")) {
            try signature.verify(SSHSignatureTests.message + [0], namespace: SSHSignatureTests.namespace)
        }
        #expect(throws: CustodyError(.wrongNamespace, "")) {
            try signature.verify(SSHSignatureTests.message, namespace: "file")
        }
    }

    @Test func whatTheHostKeySignsSSHKeygenAccepts() throws {
        let directory = try TemporaryDirectory()
        let key = try SSHPrivateKey()
        let armored = try key.sign(SSHSignatureTests.message, namespace: "request@vault-appliance")
        let signature = try directory.write(armored.utf8, to: "request.sig")
        let signers = try directory.write("host \(key.publicKey.line)\n".utf8, to: "signers")
        let verified = try Program.run(
            [
                "ssh-keygen", "-Y", "verify", "-f", signers, "-I", "host", "-n", "request@vault-appliance", "-s",
                signature,
            ], input: SSHSignatureTests.message)
        #expect(verified.status == 0, "\(verified.errors)")
        let refused = try Program.run(
            ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "host", "-n", "other", "-s", signature],
            input: SSHSignatureTests.message)
        #expect(refused.status != 0)
    }

    @Test func aHostKeyFileIsReadBackByUsAndBySSHKeygen() throws {
        let directory = try TemporaryDirectory()
        let key = try SSHPrivateKey()
        let contents = try key.fileContents(check: 7)
        let path = try directory.write(contents.exposed, to: "host_key")
        #expect(try SSHPrivateKey(file: contents).publicKey == key.publicKey)
        let shown = try Program.run(["ssh-keygen", "-y", "-f", path])
        #expect(shown.status == 0, "\(shown.errors)")
        #expect(try SSHPublicKey(line: String(decoding: shown.output, as: UTF8.self)) == key.publicKey)
        #expect("\(key)" == "<redacted>" && "\(contents)" == "<redacted>")
    }

    @Test func aKeyOfSSHKeygenIsAHostKeyAndOneWithAPassphraseIsNot() throws {
        let directory = try TemporaryDirectory()
        _ = try SSHSignatureTests.made(directory, ["-t", "ed25519"])
        #expect(throws: Never.self) { try SSHPrivateKey(file: LockedBytes(copying: directory.read("key"))) }
        let path = directory.file("locked").path
        _ = try Program.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "passphrase", "-f", path])
        #expect(throws: CustodyError(.unsupported, "")) {
            try SSHPrivateKey(file: LockedBytes(copying: directory.read("locked")))
        }
    }

    @Test(arguments: [
        "ssh-dss AAAAB3NzaC1kc3MAAAAA", "ssh-ed25519", "", "ssh-ed25519 AAAA", "ssh-rsa AAAAC3NzaC1lZDI1NTE5",
    ]) func linesThatAreNoKeyAreRefused(line: String) {
        #expect(throws: CustodyError.self) { try SSHPublicKey(line: line) }
    }

    @Test func anRSAKeyOfTooFewBitsIsRefused() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("small").path
        let made = try Program.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", path])
        try #require(made.status == 0, "\(made.errors)")
        #expect(throws: CustodyError(.unsupported, "")) {
            try SSHPublicKey(line: String(decoding: directory.read("small.pub"), as: UTF8.self))
        }
    }
}
