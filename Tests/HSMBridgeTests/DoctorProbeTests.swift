import Testing
import VaultTesting

@testable import HSMBridge

/// What doctor says of probes that show nothing, and of objects that cannot be read.
@Suite("Doctor's probes and odd objects", .timeLimit(.minutes(5)))
struct DoctorProbeTests {
    private func key(_ hsm: HSM, _ label: String, _ algorithm: KeyAlgorithm = .es256) async throws -> KeyReference {
        try await hsm.generate(.init(label: label, algorithm: algorithm, purpose: .signing)).reference
    }

    /// What a checkup finds of the key while the faults are in force.
    private func checkup(
        _ hsm: HSM, _ reference: KeyReference, _ spoil: @escaping @Sendable () throws -> Void
    ) async throws -> (report: KeyReport, findings: [Finding]) {
        let (login, profile) = (hsm.login, hsm.profile)
        return try await hsm.perform { (session) throws(HSMError) in
            let handle = try session.locate(reference, profile: profile, generation: 0).object
            let item = KeyInventory.Item(handle: handle, object: try session.describe(handle))
            var checkup = try KeyCheckup(
                item: item, publicObject: nil, expected: nil, profile: profile, in: session)
            do { try spoil() } catch { throw HSMError(.systemRefused, context: "\(error)") }
            checkup.run(login: login, in: session)
            return (checkup.report, checkup.findings)
        }
    }

    @Test func aTokenThatAnswersWithoutALengthShowsNothing() async throws {
        try await Harness.withFaultyHSM { hsm, faults in
            let reference = try await key(hsm, "key")
            // The call is not made, and the length stays 0.
            let (report, findings) = try await checkup(hsm, reference) {
                try faults.next("C_GetAttributeValue", "return CKR_OK")
            }
            #expect(report.refusals["read_private"] == .ok)
            #expect(!findings.contains { $0.code.hasPrefix("key-does-not-refuse") || $0.code == "probe-not-done" })
        }
    }

    @Test func aNewKeyOnATokenThatAnswersWithoutALengthIsNotRefused() async throws {
        try await Harness.withFaultyHSM { hsm, faults in
            let (reference, profile) = (try await key(hsm, "key"), hsm.profile)
            let refusals = try await hsm.perform { (session) throws(HSMError) in
                let handle = try session.locate(reference, profile: profile, generation: 0)
                let templates = KeyTemplates(
                    specification: .init(label: "key", algorithm: .es256, purpose: .signing), id: reference.id,
                    mechanism: handle.mechanism, use: .sign, restrictsMechanisms: true)
                _ = try? faults.next("C_GetAttributeValue", "return CKR_OK")
                return try KeyExamination(object: handle.object, templates: templates, profile: profile)
                    .probe(in: session)
            }
            #expect(refusals["read_private"] == .ok)
        }
    }

    @Test(arguments: ["CKR_DEVICE_ERROR", "CKR_GENERAL_ERROR", "CKR_SESSION_HANDLE_INVALID"])
    func whatADeviceFailsWithIsNoRefusal(code: String) async throws {
        try await Harness.withFaultyHSM { hsm, faults in
            let reference = try await key(hsm, "key", .rs256)
            let (report, findings) = try await checkup(hsm, reference) {
                try faults.next("C_SetAttributeValue", "return \(code)")
                try faults.next("C_DecryptInit", "return \(code)")
            }
            #expect(Set(report.refusals.keys) == ["read_private", "other_mechanism"])
            let missing = findings.filter { $0.code == "probe-not-done" }
            #expect(missing.count == 2 && missing.allSatisfy { $0.mend != nil && $0.text.contains(code) })
        }
    }

    @Test func aProbeForWhichThereIsNoSessionIsToldOf() async throws {
        try await Harness.withFaultyHSM { hsm, faults in
            let reference = try await key(hsm, "key", .rs256)
            let (report, findings) = try await checkup(hsm, reference) {
                let full = "return CKR_SESSION_COUNT"
                try faults.next("C_OpenSession", full, full, full)
            }
            #expect(Set(report.refusals.keys) == ["read_private"])
            #expect(findings.count { $0.code == "probe-not-done" } == 3)
        }
    }

    @Test(arguments: ["C_GenerateKeyPair", "C_SignInit"])
    func aDeviceThatFailsSaysNothingOfHowItBindsKeys(function: String) async throws {
        try await Harness.withFaultyHSM { hsm, faults in
            var profile = hsm.profile
            try faults.next(function, "return CKR_DEVICE_ERROR")
            let findings = ProbeOfRestriction(login: hsm.login).run(&profile)
            #expect(findings.map(\.code) == ["probe-not-done"] && profile == hsm.profile)
        }
    }

    /// What the inventory of an examination finds.
    private func inventory(_ hsm: HSM, _ faults: TokenFaults) async throws -> TokenReport {
        let (login, profile, path) = (hsm.login, hsm.profile, try FaultModule.shared().path)
        let uri = try TokenURI(faults.token.uri)
        let notes = ExaminationNotes(TokenReport(modulePath: path, uri: uri.description))
        try await DedicatedThread.run("doctor") { () throws(HSMError) in
            try KeyInventory(
                login: login, profile: profile,
                examination: TokenExamination(modulePath: path, token: uri, expected: nil), notes: notes
            ).run()
        }
        return notes.report
    }

    @Test(arguments: ["CKR_ATTRIBUTE_VALUE_INVALID", "CKR_GENERAL_ERROR", "CKR_OBJECT_HANDLE_INVALID"])
    func anObjectThatCannotBeReadHidesNoOtherFromDoctorAndPassesForAbsentNowhere(code: String) async throws {
        try await Harness.withFaultyHSM { hsm, faults in
            _ = try await key(hsm, "odd")
            _ = try await key(hsm, "key")
            let rules = try faults.always("C_GetAttributeValue", "object=odd return \(code)")
            let report = try await inventory(hsm, faults)
            #expect(report.keys.map(\.label) == ["key"] && report.keys.first?.refusals["read_private"] != nil)
            // Both halves of the other one.
            let unreadable = report.findings.filter { $0.code == "object-unreadable" }
            #expect(unreadable.count == 2 && unreadable.allSatisfy { $0.severity == .fault })
            #expect(await Harness.code { _ = try await hsm.inventory() } == .device)
            try faults.lift(rules)
            #expect(try await hsm.inventory().count == 4)
        }
    }

    @Test func anObjectThatEndsBetweenFindAndReadIsNotMissed() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            _ = try await key(hsm, "key")
            for pass in 0..<2 {
                _ = try await key(hsm, "odd")
                let session = try hsm.login.openSession(readWrite: true)
                let odd = try session.find([.text(.label, "odd")], limit: 2)
                let before = try faults.calls(of: "C_GetAttributeValue")
                let rules = try faults.always("C_GetAttributeValue", "call=1 hang")
                let all = Task { () async throws -> Int in
                    if pass == 0 { return try await hsm.inventory().count }
                    let report = try await inventory(hsm, faults)
                    #expect(report.findings.allSatisfy { $0.code != "object-unreadable" })
                    return report.keys.count + report.otherObjects.values.reduce(0, +)
                }
                try await Harness.until { try faults.calls(of: "C_GetAttributeValue") > before }
                for object in odd { try session.destroy(object) }
                try faults.lift(rules)
                #expect(try await all.value == 2)
            }
        }
    }
}
