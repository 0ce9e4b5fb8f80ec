import Custody
import Foundation
import HSMBridge
import StrictEncoding
import Testing
import VaultCore
import VaultTesting

/// Keys that others have made, on their way into a token; PEM files are openssl's.
@Suite(.timeLimit(.minutes(10))) struct ImportTests {
    private static let openssl: [String: [String]] = [
        "rsa-pkcs1": ["genrsa", "-traditional", "2048"], "rsa-pkcs8": ["genrsa", "2048"],
        "p256-sec1": ["ecparam", "-name", "prime256v1", "-genkey"],
        "p256-pkcs8": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "ed25519": ["genpkey", "-algorithm", "ED25519"], "rsa-1024": ["genrsa", "1024"],
        "p384": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        "x25519": ["genpkey", "-algorithm", "X25519"],
        "encrypted": ["genrsa", "-aes256", "-passout", "pass:secret", "2048"],
        "encrypted-pkcs1": ["genrsa", "-traditional", "-aes256", "-passout", "pass:secret", "2048"],
    ]

    private func pem(_ name: String) throws -> LockedBytes {
        let made = try Command.run(["openssl"] + (Self.openssl[name] ?? []))
        #expect(made.status == 0, "\(made.output)")
        return try LockedBytes(copying: Array(made.output.utf8))
    }

    private func key(_ name: String) throws -> PrivateKeyFile { try PrivateKeyFile(pem: try pem(name)) }

    private func code(_ body: () async throws -> Void) async -> HSMError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? HSMError)?.code
        }
    }

    private func specification(_ algorithm: KeyAlgorithm = .rs256, label: String = "github") -> KeySpecification {
        KeySpecification(label: label, algorithm: algorithm, purpose: .assertion)
    }

    private func withHSM(_ body: (HSM, SoftHSMDirectory.Token) async throws -> Void) async throws {
        let fixture = try SoftHSMFixture.shared()
        let token = try fixture.takeToken()
        let hsm = try await fixture.open(token)
        do { try await body(hsm, token) } catch {
            _ = await hsm.shutdown()
            throw error
        }
        #expect(await hsm.shutdown())
    }

    /// An offer that nobody has signed: the signature is CustodyTests' business.
    private func wrapped(_ key: PrivateKeyFile, for transport: KeyImport) throws -> WrappedKey {
        try WrappedKey(
            key,
            for: transport.offer(appliance: "a", manifest: "m", token: "t", label: "github", now: .init(seconds: 0)))
    }

    private func finish(
        _ transport: KeyImport, _ wrapped: WrappedKey, _ specification: KeySpecification
    ) async throws -> GeneratedKey {
        try await transport.finish(wrapped, specification)
    }

    @Test(
        arguments: [("rsa-pkcs1", .rs256), ("rsa-pkcs8", .ps256), ("p256-sec1", .es256), ("p256-pkcs8", .es256)]
            as [(String, KeyAlgorithm)])
    func aWrappedKeySignsInTheTokenAndKeepsItsProvenance(name: String, algorithm: KeyAlgorithm) async throws {
        try await withHSM { hsm, token in
            let key = try key(name)
            let transport = try await hsm.beginImport(label: "import-github")
            #expect(transport.evidence["CKA_UNWRAP"] == true && transport.evidence["CKA_DECRYPT"] == false)
            #expect(transport.evidence["CKA_TOKEN"] == false && transport.evidence["refuses.decrypt"] == true)
            let made = try await finish(transport, try wrapped(key, for: transport), specification(algorithm))
            await transport.close()
            #expect(made.isImported && made.purpose == .assertion)
            #expect(made.attributes["CKA_LOCAL"] == false && made.attributes["CKA_NEVER_EXTRACTABLE"] == false)
            #expect(made.attributes["CKA_SENSITIVE"] == true && made.attributes["CKA_EXTRACTABLE"] == false)
            #expect(made.attributes["CKA_MODIFIABLE"] == false && made.attributes["CKA_COPYABLE"] == false)
            for probe in ["read_private", "set_extractable", "set_copyable", "set_decrypt", "set_label"] {
                #expect(made.refusals[probe] != nil, "\(probe)")
            }
            // Two objects: neither the transport key nor the AES key is left.
            #expect(try await hsm.inventory().count == 2)
            let listed = try Command.run(
                [
                    "pkcs11-tool", "--module", try SoftHSMFixture.shared().modulePath, "--token-label", token.label,
                    "--login", "--pin", token.pin, "--list-objects", "--type", "privkey",
                ], environment: ["SOFTHSM2_CONF": try SoftHSMFixture.shared().directory.configurationFile])
            #expect(listed.output.contains("Usage:      sign\n") && listed.output.contains("sensitive"))
            #expect(!listed.output.contains("local") && !listed.output.contains("never extractable"))
        }
    }

    @Test func whatWasNotWrappedForThisTransportKeyIsRefusedAndLeavesNothing() async throws {
        try await withHSM { hsm, _ in
            let key = try key("rsa-pkcs8")
            let first = try await hsm.beginImport(label: "one")
            let second = try await hsm.beginImport(label: "two")
            let right = try wrapped(key, for: first)
            #expect(await code { _ = try await finish(second, right, specification()) } == .importRefused)
            var changed = right.wrapped
            changed[40] ^= 1
            #expect(
                await code {
                    _ = try await first.finish(
                        wrappedKey: right.wrappedKey, wrapped: changed, specification: specification(),
                        expected: try key.publicKey)
                } == .importRefused)
            #expect(
                await code {
                    _ = try await first.finish(
                        wrappedKey: [], wrapped: right.wrapped, specification: specification(),
                        expected: try key.publicKey)
                } == .importRefused)
            #expect(try await hsm.inventory().filter { $0.attributes["CKA_TOKEN"] == true }.isEmpty)
            _ = try await finish(first, right, specification())
            await first.close()
            await second.close()
        }
    }

    @Test func anotherKeyThanTheExpectedOneIsDestroyed() async throws {
        try await withHSM { hsm, _ in
            let transport = try await hsm.beginImport(label: "one")
            let right = try wrapped(try key("rsa-pkcs8"), for: transport)
            let other = try key("rsa-pkcs8")
            #expect(
                await code {
                    _ = try await transport.finish(
                        wrappedKey: right.wrappedKey, wrapped: right.wrapped, specification: specification(),
                        expected: try other.publicKey)
                } == .wrongSignature)
            await transport.close()
            #expect(try await hsm.inventory().isEmpty)
        }
    }

    @Test func aTransportKeyEndsWithItsImport() async throws {
        try await withHSM { hsm, _ in
            let transport = try await hsm.beginImport(label: "one")
            let right = try wrapped(try key("rsa-pkcs8"), for: transport)
            await transport.close()
            #expect(await code { _ = try await finish(transport, right, specification()) } == .keyNotFound)
            #expect(try await hsm.inventory().isEmpty)
        }
    }

    @Test func aTakenLabelAndAKeyEncryptionKeyAreRefused() async throws {
        try await withHSM { hsm, _ in
            let transport = try await hsm.beginImport(label: "one")
            _ = try await hsm.generate(.init(label: "github", algorithm: .es256, purpose: .signing))
            let right = try wrapped(try key("rsa-pkcs8"), for: transport)
            #expect(await code { _ = try await finish(transport, right, specification()) } == .labelTaken)
            let kek = KeySpecification(label: "kek", algorithm: .rsaOAEP, purpose: .kek)
            #expect(await code { _ = try await finish(transport, right, kek) } == .importRefused)
            await transport.close()
        }
    }

    @Test(arguments: [("ed25519", .edDSA), ("rsa-pkcs1", .rs256), ("p256-pkcs8", .es256)] as [(String, KeyAlgorithm)])
    func whatCannotBeUnwrappedIsCreatedInAChild(name: String, algorithm: KeyAlgorithm) async throws {
        try await withHSM { hsm, token in
            let fixture = try SoftHSMFixture.shared()
            let key = try key(name)
            let arrival = KeyReference.Arrival(
                specification: KeySpecification(label: "created", algorithm: algorithm, purpose: .signing), jwk: key.jwk
            )
            let child = TokenChild(executable: try BuildProduct.path(of: "vault-appliance"))
            let report = try await child.run(
                .createKey(uri: token.uri, arrival), module: fixture.modulePath,
                secrets: [try LockedBytes(copying: Array(token.pin.utf8)), key.pkcs8])
            let made = try #require(report.key)
            #expect(made.isImported && made.attributes["CKA_LOCAL"] == false && made.refusals["read_private"] != nil)
            #expect(made.attributes["CKA_EXTRACTABLE"] == false && made.attributes["CKA_MODIFIABLE"] == false)
            // The process that signs finds what its child has made.
            let signing = try await hsm.signingKey(made.reference)
            _ = try await signing.sign(Array("eyJ.eyJ".utf8), deadline: .now + .seconds(30))
        }
    }

    @Test func theChildRefusesAnotherKeyAndLeavesNothing() async throws {
        try await withHSM { hsm, token in
            let fixture = try SoftHSMFixture.shared()
            let child = TokenChild(executable: try BuildProduct.path(of: "vault-appliance"))
            func create(_ jwk: JSONObject, _ pkcs8: LockedBytes) async throws {
                _ = try await child.run(
                    .createKey(
                        uri: token.uri,
                        .init(
                            specification: KeySpecification(label: "created", algorithm: .edDSA, purpose: .signing),
                            jwk: jwk)),
                    module: fixture.modulePath,
                    secrets: [try LockedBytes(copying: Array(token.pin.utf8)), pkcs8])
            }
            let (one, other) = (try key("ed25519"), try key("ed25519"))
            #expect(await code { try await create(other.jwk, one.pkcs8) } == .wrongSignature)
            #expect(await code { try await create(one.jwk, try key("rsa-pkcs8").pkcs8) } == .importRefused)
            #expect(
                await code { try await create(one.jwk, try LockedBytes(copying: [UInt8](repeating: 7, count: 64))) }
                    == .importRefused)
            #expect(try await hsm.inventory().isEmpty)
        }
    }

    @Test func edwardsKeysAreNotUnwrapped() async throws {
        try await withHSM { hsm, _ in
            #expect(hsm.profile.unwraps(.rs256) && hsm.profile.unwraps(.es256) && !hsm.profile.unwraps(.edDSA))
        }
    }

    @Test(arguments: ["rsa-1024", "p384", "x25519", "encrypted", "encrypted-pkcs1"])
    func pemThatCannotBeImportedIsRefusedOnTheWorkstation(name: String) throws {
        let pem = try pem(name)
        do {
            _ = try PrivateKeyFile(pem: pem)
            Issue.record("it was taken")
        } catch {
            #expect(error.code == (name == "encrypted-pkcs1" ? .malformed : .unsupported), "\(error)")
        }
    }

    @Test func whatIsNoPEMIsRefused() throws {
        let good = try pem("rsa-pkcs8").withSpan { span in span.indices.map { span[$0] } }
        let bad: [[UInt8]] = [[], Array("hello".utf8), Array(good.dropLast(40)), good + good, Array(good.reversed())]
        for text in bad {
            #expect(throws: CustodyError(.malformed, "")) {
                _ = try PrivateKeyFile(pem: try LockedBytes(copying: text))
            }
        }
    }
}
