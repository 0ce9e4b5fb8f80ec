import CPKCS11
import Testing
import VaultTesting

@testable import HSMBridge

/// What `doctor` finds on a token, what it leaves alone, and what it never says.
@Suite("Doctor", .timeLimit(.minutes(10)))
struct DoctorTests {
    private func examine(
        _ token: SoftHSMDirectory.Token, expected: [TokenExamination.ExpectedKey]? = nil, module: String? = nil,
        patience: Duration = .seconds(60), triesKeys: Bool = true
    ) async throws -> TokenReport {
        let examination = TokenExamination(
            modulePath: try module ?? SoftHSMFixture.shared().modulePath, token: try TokenURI(token.uri),
            expected: expected, triesKeys: triesKeys)
        return await examination.run(pin: try PIN(file: token.pinFile), patience: patience)
    }

    /// Makes keys, lets `spoil` do what it will, and says what doctor finds with those keys expected.
    private func findings(
        _ spoil: (HSM, GeneratedKey) async throws -> KeyReference? = { _, _ in nil }
    ) async throws -> (report: TokenReport, faults: [String]) {
        let token = try SoftHSMFixture.shared().takeToken()
        var expected: [TokenExamination.ExpectedKey] = []
        try await Harness.withHSM(on: token) { hsm in
            let made = try await hsm.generate(.init(label: "key", algorithm: .es256, purpose: .signing))
            let reference = try await spoil(hsm, made) ?? made.reference
            expected.append(
                .init(
                    serial: hsm.profile.info.serial, reference: reference, purpose: "signing", evidence: made.evidence))
        }
        let report = try await examine(token, expected: expected)
        return (report, report.findings.filter { $0.severity == .fault }.map(\.code))
    }

    @Test func aHealthyTokenHasNoFaultAndEveryAlgorithmWorks() async throws {
        let (report, faults) = try await findings()
        #expect(faults == [] && report.isWell && !report.isHung)
        #expect(report.algorithms.map(\.outcome) == KeyAlgorithm.signatures.map { _ in .works })
        let key = try #require(report.keys.first)
        #expect(report.keys.count == 1 && key.provenance == .generated && key.purpose == "signing")
        #expect(key.signature != nil && Set(key.refusals.keys) == ["read_private", "set_label"])
        let profile = try #require(report.profile)
        #expect(profile.vendor == .softHSM && profile.oaepHash == .sha1)
        #expect(profile.quirks == [.oaepSHA1Only, .serialisesKeyManagement, .forgetsLostTokens])
        #expect(report.otherObjects == [.publicKey: 1])
    }

    @Test func itChangesNothingOnTheToken() async throws {
        let token = try SoftHSMFixture.shared().takeToken()
        var before: [TokenObject] = []
        try await Harness.withHSM(on: token) { hsm in
            for algorithm in [KeyAlgorithm.es256, .rs256] {
                _ = try await hsm.generate(.init(label: algorithm.rawValue, algorithm: algorithm, purpose: .signing))
            }
            before = try await hsm.inventory()
        }
        _ = try await examine(token)
        try await Harness.withHSM(on: token) { hsm in
            let after = try await hsm.inventory()
            func sorted(_ objects: [TokenObject]) -> [TokenObject] {
                objects.sorted { "\($0.kind) \($0.label)" < "\($1.kind) \($1.label)" }
            }
            #expect(sorted(after) == sorted(before) && before.count == 4)
        }
    }

    @Test func aKeyTheManifestNamesAndTheTokenLacksIsAFault() async throws {
        let (_, faults) = try await findings { hsm, made in
            try await hsm.destroy(made.reference)
            return nil
        }
        #expect(faults == ["key-missing"])
    }

    @Test func aKeyWithAnotherPublicKeyIsAFault() async throws {
        let (_, faults) = try await findings { hsm, made in
            let other = try await hsm.generate(.init(label: "other", algorithm: .es256, purpose: .signing))
            return KeyReference(
                id: made.reference.id, label: "key", algorithm: .es256, publicKey: other.reference.publicKey)
        }
        #expect(faults == ["key-mismatch"])
    }

    @Test func aSecondKeyWithTheSameIDIsAFault() async throws {
        let (_, faults) = try await findings { hsm, made in
            try await make(hsm, id: made.reference.id)
            return nil
        }
        #expect(faults.contains("key-doubled") && faults.contains("key-not-unique"))
    }

    @Test func aKeyThatCouldLeaveIsAFaultWhereItIsExpectedAndANoteWhereItIsNot() async throws {
        let (report, faults) = try await findings { hsm, _ in
            try await make(hsm, id: [7], changing: [.sensitive: false, .extractable: true, .decrypt: true])
            let object = try #require(try await hsm.inventory().first { $0.kind == .publicKey && $0.id == [7] })
            let point = try await hsm.perform { (session) throws(HSMError) in
                let handle = try session.find([.data(.id, object.id), .number(.objectClass, CKO_PUBLIC_KEY)], limit: 1)
                return try session.publicKey(of: handle[0], algorithm: .es256)
            }
            return KeyReference(id: [7], label: "odd", algorithm: .es256, publicKey: point)
        }
        let codes = [
            "key-extractable", "key-imported", "key-attributes", "key-changed", "key-does-not-refuse-read-private",
        ]
        #expect(Set(codes).isSubset(of: faults))
        // The key that was made well is now the one that no manifest names.
        let unknown = report.findings.first { $0.subject == "key key" }
        #expect(unknown?.severity == .note && unknown?.code == "key-unknown")
    }

    @Test func everyFaultHasAMendAndNoOutputHoldsThePIN() async throws {
        let fixture = try SoftHSMFixture.shared()
        let token = try fixture.takeToken()
        let reports = [
            try await examine(token),
            await TokenExamination(
                modulePath: fixture.modulePath, token: TokenURI(label: "missing"), expected: nil
            ).run(pin: try PIN(file: token.pinFile)),
            await TokenExamination(
                modulePath: "/nowhere/libmissing.so", token: try TokenURI(token.uri), expected: nil
            ).run(pin: try PIN(file: token.pinFile)),
            await TokenExamination(
                modulePath: fixture.modulePath, token: try TokenURI(token.uri), expected: nil
            ).run(pin: try PIN(Array("wrong-pin-1234".utf8))),
        ]
        let faults = reports.map { $0.findings.filter { $0.severity == .fault }.map(\.code) }
        #expect(faults == [[], ["token-not-found"], ["module-not-found"], ["pin-refused"]])
        for report in reports {
            #expect(report.findings.allSatisfy { $0.severity != .fault || $0.mend?.isEmpty == false })
            let text = report.lines.joined(separator: "\n") + "\(report)"
            #expect(!text.contains(token.pin) && !text.contains("wrong-pin-1234"))
        }
    }

    @Test func withoutAPINNobodyLogsInAndTheReportSaysWhatIsMissing() async throws {
        let module = try FaultModule.shared()
        let faults = try module.takeToken()
        let report = await TokenExamination(
            modulePath: module.path, token: try TokenURI(faults.token.uri), expected: nil
        ).run(pin: nil)
        #expect(report.isWell && report.token != nil && report.profile == nil && report.keys.isEmpty)
        #expect(report.findings.map(\.code).last == "login-left-out")
        #expect(try faults.calls(of: "C_Login") == 0 && faults.calls(of: "C_OpenSession") == 0)
    }

    @Test func aWrongPINIsTriedOnce() async throws {
        let module = try FaultModule.shared()
        let faults = try module.takeToken()
        let examination = TokenExamination(
            modulePath: module.path, token: try TokenURI(faults.token.uri), expected: nil)
        let pin = try PIN(Array("wrong-1234".utf8))
        for wanted in ["pin-refused", "pin-known-bad"] {
            let report = await examination.run(pin: pin)
            #expect(report.findings.filter { $0.severity == .fault }.map(\.code) == [wanted])
        }
        #expect(try faults.calls(of: "C_Login") == 1)
    }

    @Test func aCallThatHangsIsNamedAndGivenUp() async throws {
        let module = try FaultModule.shared()
        let faults = try module.takeToken()
        let hang = try faults.always("C_FindObjectsInit", "hang")
        let report = try await examine(faults.token, module: module.path, patience: .seconds(12), triesKeys: false)
        try faults.lift(hang)
        #expect(report.isHung && !report.isWell)
        let finding = report.findings.last
        #expect(finding?.code == "call-hangs" && finding?.text.hasPrefix("look at every object") == true)
    }

    @Test func aTokenThatSignsWronglyIsFoundOut() async throws {
        let module = try FaultModule.shared()
        let faults = try module.takeToken()
        try await Harness.withHSM(module: module.path, uri: faults.token.uri, pinFile: faults.token.pinFile) { hsm in
            _ = try await hsm.generate(.init(label: "key", algorithm: .es256, purpose: .signing))
        }
        let corruption = try faults.always("C_Sign", "corrupt")
        let report = try await examine(faults.token, module: module.path)
        try faults.lift(corruption)
        #expect(report.findings.contains { $0.subject == "key key" && $0.code == "wrong-signature" })
        #expect(report.keys.first?.signature == nil)
    }

    @Test func aKeyThatTheManifestHasForSigningIsTriedWhateverTheTokenSaysOfIt() async throws {
        let (report, faults) = try await findings { hsm, _ in
            try await make(hsm, id: [7], changing: [.sign: false, .derive: true])
            let point = try await hsm.perform { (session) throws(HSMError) in
                let handle = try session.find([.data(.id, [7]), .number(.objectClass, CKO_PUBLIC_KEY)], limit: 1)
                return try session.publicKey(of: handle[0], algorithm: .es256)
            }
            return KeyReference(id: [7], label: "odd", algorithm: .es256, publicKey: point)
        }
        #expect(faults.contains("key-does-not-sign"), "\(report.findings)")
    }

    @Test func aHashOfOAEPIsGoodOnlyWhereWhatTheHostEncryptsComesBack() async throws {
        let module = try FaultModule.shared()
        let faults = try module.takeToken()
        let rules = try faults.always("C_Decrypt", "return CKR_FUNCTION_FAILED")
        let report = try await examine(faults.token, module: module.path)
        try faults.lift(rules)
        #expect(report.findings.contains { $0.code == "oaep-fails" })
        #expect(!report.findings.contains { $0.code == "oaep-hash" })
    }

    @Test func aLabelThatIsNotUTF8StaysAsItIs() async throws {
        try await Harness.withHSM { hsm, _ in
            let label: [UInt8] = [0x6b, 0xff, 0xfe, 0x79]
            let after = try await hsm.perform { (_) throws(HSMError) in
                let session = try hsm.login.openSession(readWrite: true)
                let templates = KeyTemplates(
                    specification: KeySpecification(label: "odd", algorithm: .es256, purpose: .signing), id: [7],
                    mechanism: .plain(.ecdsa), use: .sign, restrictsMechanisms: false)
                // One that takes changes: a token that keeps CKA_MODIFIABLE shows nothing.
                let privateKey = templates.privateKey.map { (attribute) -> Attribute in
                    switch attribute.type {
                    case .label: .data(.label, label)
                    case .modifiable: .flag(.modifiable, true)
                    default: attribute
                    }
                }
                let pair = try session.generateKeyPair(
                    .plain(.ecKeyPairGeneration), publicTemplate: templates.publicKey, privateTemplate: privateKey)
                guard try session.setLabelToItself(pair.privateKey) == .ok else { throw HSMError(.keyRefused) }
                return try session.attribute(.label, of: pair.privateKey)
            }
            #expect(after == label)
        }
    }

    /// A pair that the bridge itself would never make.
    private func make(_ hsm: HSM, id: [UInt8], changing: [AttributeType: Bool] = [:]) async throws {
        try await hsm.perform { (session) throws(HSMError) in
            let templates = KeyTemplates(
                specification: KeySpecification(label: "odd", algorithm: .es256, purpose: .signing), id: id,
                mechanism: .plain(.ecdsa), use: .sign, restrictsMechanisms: true)
            _ = try hsm.login.openSession(readWrite: true).generateKeyPair(
                .plain(.ecKeyPairGeneration), publicTemplate: templates.publicKey,
                privateTemplate: templates.privateKey.map { attribute in
                    changing[attribute.type].map { .flag(attribute.type, $0) } ?? attribute
                })
        }
    }
}
