import Crypto
import Foundation
import Testing
import VaultTesting

@testable import HSMBridge

@Suite("Keys of a token")
struct KeyTests {
    @Test(arguments: KeyAlgorithm.signatures)
    func aNewKeyHasExactlyTheAttributesAskedFor(algorithm: KeyAlgorithm) async throws {
        try await Harness.withHSM { hsm, token in
            let made = try await hsm.generate(.init(label: "made", algorithm: algorithm, purpose: .signing))
            #expect(made.reference.id.count == 16 && made.reference.label == "made")
            let wanted = [
                "CKA_SENSITIVE": true, "CKA_ALWAYS_SENSITIVE": true, "CKA_EXTRACTABLE": false,
                "CKA_NEVER_EXTRACTABLE": true, "CKA_LOCAL": true, "CKA_SIGN": true, "CKA_DECRYPT": false,
                "CKA_UNWRAP": false, "CKA_DERIVE": false, "CKA_SIGN_RECOVER": false, "CKA_MODIFIABLE": false,
                "CKA_COPYABLE": false, "CKA_PRIVATE": true, "CKA_TOKEN": true, "CKA_ALLOWED_MECHANISMS": true,
            ]
            for (name, value) in wanted { #expect(made.attributes[name] == value, "\(name)") }
            var probes: Set<String> = [
                "read_private", "set_extractable", "set_not_sensitive", "set_copyable", "set_decrypt", "set_unwrap",
                "set_label",
            ]
            if algorithm == .rs256 || algorithm == .ps256 { probes.formUnion(["decrypt", "other_mechanism"]) }
            #expect(probes.isSubset(of: made.refusals.keys), "\(made.refusals)")
            #expect(made.refusals["read_private"] == .attributeSensitive)
            #expect(made.evidence["refuses.set_extractable"] == true && made.evidence["CKA_EXTRACTABLE"] == false)
            let description = try independentDescription(of: token)
            for words in ["sensitive", "always sensitive", "never extractable", "local"] {
                #expect(description.contains(words), "\(description)")
            }
            #expect(description.contains("Usage:      sign\n"), "\(description)")
        }
    }

    /// What pkcs11-tool (OpenSC) says of the private keys, from another process.
    private func independentDescription(of token: SoftHSMDirectory.Token) throws -> String {
        let fixture = try SoftHSMFixture.shared()
        let (status, output) = try Harness.run(
            [
                "pkcs11-tool", "--module", fixture.modulePath, "--token-label", token.label, "--login", "--pin",
                token.pin, "--list-objects", "--type", "privkey",
            ], environment: ["SOFTHSM2_CONF": fixture.directory.configurationFile])
        #expect(status == 0)
        return output
    }

    @Test func theInventoryShowsBothHalvesOfEveryKey() async throws {
        try await Harness.withHSM { hsm, _ in
            #expect(try await hsm.inventory().isEmpty)
            let made = try await hsm.generate(.init(label: "one", algorithm: .es256, purpose: .signing))
            let objects = try await hsm.inventory()
            #expect(objects.count == 2 && objects.allSatisfy { $0.label == "one" && $0.id == made.reference.id })
            let privateKey = try #require(objects.first { $0.kind == .privateKey })
            #expect(privateKey.attributes["CKA_EXTRACTABLE"] == false && privateKey.attributes["CKA_VERIFY"] == nil)
            #expect(privateKey.allowedMechanisms == [0x1041])
            #expect(objects.contains { $0.kind == .publicKey })
        }
    }

    @Test func aLabelThatIsTakenIsRefused() async throws {
        try await Harness.withHSM { hsm, _ in
            _ = try await hsm.generate(.init(label: "one", algorithm: .es256, purpose: .signing))
            let code = await Harness.code {
                _ = try await hsm.generate(.init(label: "one", algorithm: .edDSA, purpose: .checkpoint))
            }
            #expect(code == .labelTaken)
            #expect(try await hsm.inventory().count == 2)
        }
    }

    @Test(
        arguments: [
            (KeySpecification(label: "", algorithm: .es256, purpose: .signing), .labelRefused),
            (KeySpecification(label: "a b", algorithm: .es256, purpose: .signing), .labelRefused),
            (KeySpecification(label: "\u{212a}", algorithm: .es256, purpose: .signing), .labelRefused),
            (
                KeySpecification(label: String(repeating: "a", count: 65), algorithm: .es256, purpose: .signing),
                .labelRefused
            ),
            (KeySpecification(label: "a", algorithm: .rs256, purpose: .signing, modulusBits: 1024), .weakKey),
            (KeySpecification(label: "a", algorithm: .ps256, purpose: .signing, modulusBits: 2047), .weakKey),
            (
                KeySpecification(label: "a", algorithm: .rs256, purpose: .signing, modulusBits: 2049),
                .unsupportedMechanism
            ),
            (KeySpecification(label: "a", algorithm: .rs256, purpose: .tls), .unsupportedMechanism),
        ] as [(KeySpecification, HSMError.Code)])
    func badSpecificationsAreRefusedEachForItsReason(specification: KeySpecification, code: HSMError.Code) {
        #expect(throws: HSMError(code)) { try specification.validate() }
    }

    @Test func referencesThatDoNotFitAreRefusedEachForItsReason() async throws {
        try await Harness.withHSM { hsm, _ in
            let one = try await hsm.generate(.init(label: "one", algorithm: .es256, purpose: .signing)).reference
            let two = try await hsm.generate(.init(label: "two", algorithm: .es256, purpose: .signing)).reference
            func bad(
                id: [UInt8]? = nil, label: String = "one", _ algorithm: KeyAlgorithm = .es256, _ key: PublicKey? = nil
            ) -> KeyReference {
                KeyReference(
                    id: id ?? one.id, label: label, algorithm: algorithm, publicKey: key ?? one.publicKey)
            }
            let offCurve = PublicKey.ec(x: [UInt8](repeating: 1, count: 32), y: [UInt8](repeating: 1, count: 32))
            let cases: [(KeyReference, HSMError.Code)] = [
                (bad(id: [1, 2, 3]), .keyNotFound), (bad(id: []), .keyNotFound), (bad(label: "two"), .keyMismatch),
                (bad(.es256, two.publicKey), .keyMismatch), (bad(.es384), .keyMismatch),
                (bad(.es256, offCurve), .keyMismatch),
                (bad(.edDSA, .ed25519([UInt8](repeating: 1, count: 32))), .keyNotFound),
                (bad(.rs256, .rsa(modulus: [UInt8](repeating: 0xff, count: 128), exponent: [1, 0, 1])), .weakKey),
                (bad(.rs256, .rsa(modulus: [UInt8](repeating: 0xff, count: 256), exponent: [3])), .weakKey),
            ]
            for (reference, code) in cases {
                #expect(await Harness.code { _ = try await hsm.signingKey(reference) } == code, "\(reference)")
            }
            _ = try await hsm.signingKey(one)
        }
    }

    @Test func aKeyHasOnePurposeForLife() async throws {
        try await Harness.withHSM { hsm, _ in
            let one = try await hsm.generate(.init(label: "one", algorithm: .es256, purpose: .signing)).reference
            _ = try await hsm.signingKey(one)
            _ = try await hsm.signingKey(one)
            #expect(await Harness.code { _ = try await hsm.tlsKey(one) } == .purposeConflict)
            #expect(await Harness.code { _ = try await hsm.checkpointKey(one) } == .purposeConflict)
        }
    }

    @Test func twoKeysOfOneIDAreRefused() async throws {
        try await Harness.withHSM { hsm, _ in
            let first = try await makeLooseKey(hsm, label: "first")
            _ = try await makeLooseKey(hsm, label: "second")
            #expect(await Harness.code { _ = try await hsm.signingKey(first) } == .keyNotUnique)
        }
    }

    @Test func aKeyThatCouldLeaveTheTokenIsNotUsed() async throws {
        try await Harness.withHSM { hsm, _ in
            let reference = try await makeLooseKey(hsm, label: "loose", isExtractable: true)
            #expect(await Harness.code { _ = try await hsm.signingKey(reference) } == .keyRefused)
        }
    }

    /// A key that lacks the care of `generate`, always with the same CKA_ID.
    private func makeLooseKey(_ hsm: HSM, label: String, isExtractable: Bool = false) async throws -> KeyReference {
        try await hsm.perform { (session) throws(HSMError) in
            let own = try session.module.token(matching: hsm.login.uri).slot
            let session = try Session(module: session.module, slot: own, readWrite: true)
            let common: [Attribute] = [.flag(.token, true), .data(.id, [0xaa]), .text(.label, label)]
            let pair = try session.generateKeyPair(
                .plain(.ecKeyPairGeneration),
                publicTemplate: common + [.data(.ecParameters, KeyAlgorithm.es256.curveParameters ?? [])],
                privateTemplate: common + [
                    .flag(.isPrivate, true), .flag(.sensitive, true), .flag(.extractable, isExtractable),
                ])
            let publicKey = try session.publicKey(of: pair.publicKey, algorithm: .es256)
            return KeyReference(id: [0xaa], label: label, algorithm: .es256, publicKey: publicKey)
        }
    }

    static let unknown = ["CKR_ATTRIBUTE_TYPE_INVALID", "CKR_ATTRIBUTE_VALUE_INVALID"].map { "return \($0)" }

    @Test func aTokenThatDoesNotKnowAnAttributeIsAskedForAKeyWithoutIt() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let before = try faults.calls(of: "C_GenerateKeyPair")
            try faults.next("C_GenerateKeyPair", Self.unknown)
            let made = try await hsm.generate(.init(label: "key", algorithm: .es256, purpose: .signing))
            #expect(try faults.calls(of: "C_GenerateKeyPair") == before + 3)
            // Not stated, and read back all the same.
            #expect(made.attributes["CKA_ALWAYS_AUTHENTICATE"] == false)
            #expect(made.attributes["CKA_ALLOWED_MECHANISMS"] == false && made.attributes["CKA_COPYABLE"] == false)
        }
    }

    @Test func aKeyThatATokenMakesLooserThanWantedIsRefusedHoweverLittleWasStated() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let before = try faults.calls(of: "C_GenerateKeyPair")
            try faults.next("C_GenerateKeyPair", Self.unknown + [Self.unknown[0]])
            let specification = KeySpecification(label: "key", algorithm: .es256, purpose: .signing)
            // SoftHSM's keys are modifiable and copyable unless the template says otherwise.
            #expect(await Harness.code { _ = try await hsm.generate(specification) } == .keyRefused)
            #expect(try faults.calls(of: "C_GenerateKeyPair") == before + 4)
            #expect(try await hsm.inventory().isEmpty)
            try faults.next("C_GenerateKeyPair", Self.unknown + Self.unknown)
            #expect(await Harness.code { _ = try await hsm.generate(specification) } == .device)
        }
    }

    @Test func aKeyFromOutsideComesInWithoutAnAttributeThatTheTokenDoesNotKnow() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let secret = Curve25519.Signing.PrivateKey()
            let seed = Array(secret.rawRepresentation)
            let arrival = KeyArrival(
                specification: .init(label: "key", algorithm: .edDSA, purpose: .signing),
                expected: .ed25519(Array(secret.publicKey.rawRepresentation)), profile: hsm.profile)
            try faults.next("C_CreateObject", Self.unknown)
            let made = try await hsm.perform { (_) throws(HSMError) in
                let numbers = try PrivateKeyParts(.curve(seed)).attributes(for: .edDSA)
                return try arrival.run(in: try hsm.login.openSession(readWrite: true)) {
                    (session, template) throws(HSMError) in
                    try session.createObject(template + numbers)
                }
            }
            #expect(made.isImported && made.attributes["CKA_ALWAYS_AUTHENTICATE"] == false)
            _ = try await hsm.signingKey(made.reference)
        }
    }

    @Test func anEdwardsCurveGoesByItsNumberOrItsName() {
        let name = [0x13, 0x0c] + Array("edwards25519".utf8)
        #expect(KeyAlgorithm.edDSA.isCurve(name) && KeyAlgorithm.edDSA.isCurve([0x06, 0x03, 0x2b, 0x65, 0x70]))
        #expect(!KeyAlgorithm.es256.isCurve(name) && !KeyAlgorithm.edDSA.isCurve([0x13, 0x05] + Array("other".utf8)))
    }

    @Test func keysAreMadeWhileOtherLanesSign() async throws {
        try await Harness.withHSM(Harness.configuration(lanes: 3)) { hsm, _ in
            let key = try await Harness.signingKey(hsm)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<300 {
                    group.addTask { _ = try await key.sign(Harness.message, deadline: .now + .seconds(3600)) }
                }
                for number in 0..<6 {
                    group.addTask {
                        _ = try await hsm.generate(.init(label: "new-\(number)", algorithm: .es256, purpose: .signing))
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await hsm.inventory().count == 14)
        }
    }
}
