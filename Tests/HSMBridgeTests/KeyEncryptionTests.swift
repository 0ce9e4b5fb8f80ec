import Testing
import VaultTesting

@testable import HSMBridge

@Suite("Key encryption keys", .timeLimit(.minutes(10)))
struct KeyEncryptionTests {
    private static let specification = KeySpecification(label: "kek", algorithm: .rsaOAEP, purpose: .kek)
    private static let dataKey = [UInt8](0..<32)

    private func key(_ hsm: HSM) async throws -> KeyEncryptionKey {
        try await hsm.keyEncryptionKey(try await hsm.generate(Self.specification).reference)
    }

    private func sealed(_ key: KeyEncryptionKey, _ bytes: [UInt8] = dataKey) throws -> [UInt8] {
        try OAEPEncryption(key.reference.publicKey, hash: .sha1).encrypt(bytes)
    }

    private func open(
        _ key: KeyEncryptionKey, _ ciphertext: [UInt8], deadline: Duration = .seconds(30)
    ) async throws -> [UInt8] {
        try await key.decrypt(ciphertext, deadline: .now + deadline) { plaintext in
            plaintext.indices.map { plaintext[$0] }
        }
    }

    @Test func aNewOneDecryptsAndDoesNothingElse() async throws {
        try await Harness.withHSM { hsm, token in
            let made = try await hsm.generate(
                .init(label: "kek", algorithm: .rsaOAEP, purpose: .kek, isDestroyable: false))
            let wanted = [
                "CKA_SENSITIVE": true, "CKA_EXTRACTABLE": false, "CKA_LOCAL": true, "CKA_NEVER_EXTRACTABLE": true,
                "CKA_DECRYPT": true, "CKA_SIGN": false, "CKA_UNWRAP": false, "CKA_DERIVE": false,
                "CKA_MODIFIABLE": false, "CKA_COPYABLE": false, "CKA_DESTROYABLE": false,
                "CKA_ALLOWED_MECHANISMS": true,
            ]
            for (name, value) in wanted { #expect(made.attributes[name] == value, "\(name)") }
            let probes: Set = [
                "read_private", "set_extractable", "set_not_sensitive", "set_copyable", "set_sign", "set_unwrap",
                "set_label", "sign", "unwrap", "destroy", "other_mechanism",
            ]
            #expect(Set(made.refusals.keys) == probes, "\(made.refusals)")
            #expect(made.refusals["unwrap"] == .keyFunctionNotPermitted, "\(made.refusals)")
            let fixture = try SoftHSMFixture.shared()
            let (status, output) = try Harness.run(
                [
                    "pkcs11-tool", "--module", fixture.modulePath, "--token-label", token.label, "--login", "--pin",
                    token.pin, "--list-objects", "--type", "privkey",
                ], environment: ["SOFTHSM2_CONF": fixture.directory.configurationFile])
            #expect(status == 0 && output.contains("Usage:      decrypt\n"), "\(output)")
            #expect(output.contains("never extractable") && output.contains("local"), "\(output)")
        }
    }

    @Test func whatTheHostEncryptsTheTokenOpens() async throws {
        try await Harness.withHSM { hsm, _ in
            let key = try await key(hsm)
            #expect(try await open(key, try sealed(key)) == Self.dataKey)
            #expect(try await open(key, try sealed(key, [])) == [])
            try await hsm.canary(key)
        }
    }

    @Test func aCiphertextThatIsNotForTheKeySaysNothingAgainstTheToken() async throws {
        try await Harness.withHSM { hsm, _ in
            let key = try await key(hsm)
            var changed = try sealed(key)
            changed[100] ^= 1
            for _ in 0..<12 {
                for ciphertext in [changed, Array(changed.dropLast()), [], [UInt8](repeating: 0xff, count: 384)] {
                    #expect(await Harness.code { _ = try await open(key, ciphertext) } == .undecryptable)
                }
            }
            #expect(hsm.status.isReady)
            #expect(try await open(key, try sealed(key)) == Self.dataKey)
        }
    }

    @Test func aKeyThatIsIndestructibleStays() async throws {
        try await Harness.withHSM { hsm, _ in
            let made = try await hsm.generate(
                .init(label: "kek", algorithm: .rsaOAEP, purpose: .kek, isDestroyable: false))
            #expect(await Harness.code { try await hsm.destroy(made.reference) } == .device)
            #expect(try await hsm.inventory().count == 2)
        }
    }

    @Test func aDestroyedKeyIsGoneAndItsHandleDead() async throws {
        try await Harness.withHSM { hsm, _ in
            let key = try await key(hsm)
            let evidence = try await hsm.destroy(key.reference)
            #expect(evidence.destroyed == 2 && evidence.remaining == 0)
            #expect(evidence.oldHandle == .objectHandleInvalid)
            #expect(try await hsm.inventory().isEmpty)
            #expect(await Harness.code { _ = try await open(key, try sealed(key)) } == .keyNotFound)
            #expect(await Harness.code { _ = try await hsm.keyEncryptionKey(key.reference) } == .keyNotFound)
        }
    }

    @Test func itIsForNothingElseAndNothingElseIsForIt() async throws {
        try await Harness.withHSM { hsm, _ in
            let key = try await key(hsm)
            let signing = try await Harness.signingKey(hsm)
            #expect(await Harness.code { _ = try await hsm.signingKey(key.reference) } == .purposeConflict)
            #expect(await Harness.code { _ = try await hsm.tlsKey(key.reference) } == .purposeConflict)
            #expect(await Harness.code { _ = try await hsm.keyEncryptionKey(signing.reference) } == .purposeConflict)
            let other = try await hsm.generate(.init(label: "other", algorithm: .rsaOAEP, purpose: .kek)).reference
            let swapped = KeyReference(
                id: key.reference.id, label: "kek", algorithm: .rsaOAEP, publicKey: other.publicKey)
            #expect(await Harness.code { _ = try await hsm.keyEncryptionKey(swapped) } == .keyMismatch)
        }
    }

    @Test(
        arguments: [
            (KeySpecification(label: "a", algorithm: .rsaOAEP, purpose: .kek, modulusBits: 2048), .weakKey),
            (KeySpecification(label: "a", algorithm: .rsaOAEP, purpose: .signing), .unsupportedMechanism),
            (KeySpecification(label: "a", algorithm: .rs256, purpose: .kek), .unsupportedMechanism),
        ] as [(KeySpecification, HSMError.Code)])
    func badSpecificationsAreRefused(specification: KeySpecification, code: HSMError.Code) {
        #expect(throws: HSMError(code)) { try specification.validate() }
    }

    @Test func theHashIsTheTokensOwn() async throws {
        try await Harness.withHSM { hsm, _ in
            #expect(hsm.profile.keyEncryptionAlgorithm == .rsaOAEP)
            let code = await Harness.code {
                _ = try await hsm.generate(.init(label: "kek", algorithm: .rsaOAEP256, purpose: .kek))
            }
            #expect(code == .unsupportedMechanism)
        }
    }

    @Test(arguments: [
        "lose-session", "logout", "forget-handles", "return CKR_GENERAL_ERROR", "return CKR_DEVICE_ERROR",
    ])
    func aLossIsMendedWithinTheCall(fault: String) async throws {
        try await Harness.withFaultyHSM { hsm, faults in
            let key = try await key(hsm)
            let ciphertext = try sealed(key)
            try faults.next("C_Decrypt", fault)
            #expect(try await open(key, ciphertext) == Self.dataKey)
            #expect(hsm.status.isReady)
        }
    }

    @Test func aTokenThatOpensNothingIsToBlameAndStillSigns() async throws {
        try await Harness.withFaultyHSM { hsm, faults in
            let key = try await key(hsm)
            let ciphertext = try sealed(key)
            let rules = try faults.always("C_Decrypt", "return CKR_DEVICE_ERROR")
            for _ in 0..<6 { #expect(await Harness.code { _ = try await open(key, ciphertext) } == .device) }
            #expect(hsm.status.isReady)
            let signing = try await Harness.signingKey(hsm)
            _ = try await signing.sign(Harness.message, deadline: .now + .seconds(30))
            try faults.lift(rules)
            #expect(try await open(key, ciphertext) == Self.dataKey)
        }
    }

    @Test func aDeadlineHolds() async throws {
        try await Harness.withFaultyHSM { hsm, faults in
            let key = try await key(hsm)
            let ciphertext = try sealed(key)
            let rules = try faults.always("C_Decrypt", "delay 2s")
            let code = await Harness.code { _ = try await open(key, ciphertext, deadline: .milliseconds(200)) }
            #expect(code == .deadlineExceeded)
            try faults.lift(rules)
        }
    }

    @Test func onAPartitionThatAdministersNothingAllElseWorks() async throws {
        try await Harness.withFaultyHSM { hsm, faults in
            let rules = try faults.always("C_InitToken,C_InitPIN,C_SetPIN", "unsupported")
            let key = try await key(hsm)
            #expect(try await open(key, try sealed(key)) == Self.dataKey)
            let signing = try await Harness.signingKey(hsm)
            _ = try await signing.sign(Harness.message, deadline: .now + .seconds(30))
            #expect(try await hsm.destroy(signing.reference).remaining == 0)
            #expect(try await hsm.inventory().count == 2)
            try faults.lift(rules)
        }
    }
}
