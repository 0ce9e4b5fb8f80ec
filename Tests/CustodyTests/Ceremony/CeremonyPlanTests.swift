import Custody
import StrictEncoding
import Testing

/// The one input of a ceremony: every fault at once, one form, one hash.
@Suite struct CeremonyPlanTests {
    private func plan(_ change: (inout JSONObject) -> Void) throws -> CeremonyPlan {
        let fixture = try CeremonyFixture(change)
        return try fixture.directory.loadPlan()
    }

    private func faults(_ change: (inout JSONObject) -> Void) -> [String] {
        do {
            _ = try plan(change)
            return []
        } catch let error as PlanError {
            return error.faults.map { $0.field }
        } catch {
            return ["\(error)"]
        }
    }

    @Test func everyFaultOfAPlanIsReportedAtOnceWithItsField() {
        let found = faults { draft in
            draft["purpose"] = "two\nlines"
            draft["administrator"] = "Dora"
            draft["valid_for"] = "90d"
            draft["frobnicate"] = 1
            draft["changes"] = [["kid": "short", "to": "stolen"]]
        }
        #expect(
            found == ["valid_for", "purpose", "administrator", "changes[0].kid", "changes[0].to", "frobnicate"])
    }

    @Test("what is missing is named", arguments: ["ceremony", "purpose", "administrator", "changes"])
    func missing(field: String) { #expect(faults { $0[field] = nil }.contains(field)) }

    @Test func aCustodianIsNeitherAdministratorNorWitness() {
        #expect(faults { $0["administrator"] = "alice" } == ["administrator"])
        let fixture = try? QuorumFixture()
        let line = fixture?.people[0].ssh.publicKey.line ?? ""
        #expect(
            faults { $0["witnesses"] = [["name": "alice", "ssh_key": .string(line)]] } == ["witnesses"])
    }

    @Test func nobodyIsTwoPersonsInAGenesis() throws {
        let someone = try (0..<2).map { try QuorumFixture.Someone("p\($0)") }
        func person(_ name: String, _ index: Int) -> JSONValue {
            [
                "name": .string(name), "ssh_key": .string(someone[index].ssh.publicKey.line),
                "age_recipient": .string(someone[index].age.recipient.description),
            ]
        }
        var draft = GenesisDraft.object
        func fields() -> [String] {
            do {
                _ = try CeremonyPlan(draft: .object(draft), manifest: nil, now: QuorumFixture.now) { count in
                    [UInt8](repeating: 1, count: count)
                }
                return []
            } catch { return error.faults.map(\.description) }
        }
        draft["custodians"] = [person("anna", 0), person("ben", 1)]
        #expect(fields() == [])
        draft["custodians"] = [person("anna", 0), person("ben", 0)]
        #expect(fields().contains { $0.contains("people (ben)") && $0.contains("SSH key of somebody else") })
        draft["custodians"] = [person("anna", 0), person("anna", 1)]
        #expect(fields().contains { $0.contains("people (anna)") && $0.contains("stands twice") })
    }

    @Test func aPlanIsReadBackAsItWasWrittenAndNotAByteOtherwise() throws {
        let fixture = try CeremonyFixture()
        let plan = try fixture.directory.loadPlan()
        #expect(try CeremonyPlan(file: plan.bytes) == plan)
        #expect(plan.words.split(separator: "-").count == 4)
        for index in stride(from: 0, to: plan.bytes.count, by: 7) {
            var bytes = plan.bytes
            bytes[index] ^= 0x01
            let changed = try? CeremonyPlan(file: bytes)
            #expect(changed?.hash != plan.hash)
        }
        #expect(throws: CustodyError(.malformed, "")) { try CeremonyPlan(file: plan.bytes + [0x20]) }
    }

    @Test func aGenesisNeedsAnApplianceWithoutAManifestAndEverythingElseOneWithIt() throws {
        #expect(throws: PlanError.self) {
            try CeremonyPlan(
                draft: .object(GenesisDraft.object), manifest: try QuorumFixture().genesis, now: QuorumFixture.now,
                random: { [UInt8](repeating: 1, count: $0) })
        }
        let witness = try QuorumFixture.Someone("erik")
        #expect(throws: PlanError.self) {
            try CeremonyPlan(
                draft: .object(CeremonyFixture.draft(witness: witness)), manifest: nil, now: QuorumFixture.now,
                random: { [UInt8](repeating: 1, count: $0) })
        }
    }

    /// The fields that a genesis with these dials and this treatment of the PIN has faults in.
    private func faults(dials: JSONValue, pin: String) throws -> [PlanFault] {
        var draft = GenesisDraft.object
        draft["dials"] = dials
        draft["custodians"] = .array(
            try ["anna", "ben"].map { name in
                let person = try QuorumFixture.Someone(name)
                return [
                    "name": .string(name), "ssh_key": .string(person.ssh.publicKey.line),
                    "age_recipient": .string(person.age.recipient.description),
                ]
            })
        var token = try #require(draft["tokens"]?.array?.first?.object)
        token["pin"] = .string(pin)
        draft["tokens"] = .array([.object(token)])
        do {
            _ = try CeremonyPlan.check(draft: .object(draft))
            return []
        } catch {
            return error.faults
        }
    }

    @Test func dialsThatCouldNotWorkAreRefusedWithTheirMend() throws {
        #expect(try faults(dials: ["file_tls_keys": false, "restart_grace": "60s"], pin: "replace").isEmpty)
        let files = try faults(dials: ["file_tls_keys": true], pin: "keep")
        #expect(files.map(\.field) == ["dials.file_tls_keys"] && files[0].problem.contains("in the token"))
        // A PIN that nobody has seen cannot stand in a file.
        let pins = try faults(dials: ["unattended_start": true], pin: "replace")
        #expect(pins.map(\.field) == ["tokens[0].pin"] && pins[0].mend.contains("pin: keep"))
        #expect(try faults(dials: ["unattended_start": true], pin: "keep").isEmpty)
    }

    @Test(
        "labels that would name one step are refused", arguments: [["sign_a", "sign-a"], ["A", "a"], ["x_1", "X-1"]])
    func oneName(labels: [String]) {
        var draft = CeremonyFixture.generation(labels)
        let error = #expect(throws: PlanError.self) { _ = try CeremonyPlan.check(draft: .object(draft)) }
        #expect(error?.faults.map(\.field) == ["keys[1].label"])
        draft["keys"] = .array(Array((draft["keys"]?.array ?? []).prefix(1)))
        #expect(throws: Never.self) { _ = try CeremonyPlan.check(draft: .object(draft)) }
    }

    @Test func aTokenGetsOneKeyEncryptionKey() {
        var draft = CeremonyFixture.generation([])
        draft["keys"] = .array(
            ["kek-1", "kek-2"].map { ["label": .string($0), "purpose": "kek", "alg": "RSA-OAEP-256"] })
        let error = #expect(throws: PlanError.self) { _ = try CeremonyPlan.check(draft: .object(draft)) }
        #expect(error?.faults.map(\.field) == ["keys"])
    }
}

/// A genesis as a person would write it, but for the custodians.
enum GenesisDraft {
    static var object: JSONObject {
        [
            "ceremony": "genesis", "purpose": "First keys", "administrator": "dora", "threshold": 2,
            "tokens": [
                [
                    "module": "/usr/lib/softhsm/libsofthsm2.so", "token": "pkcs11:token=vault", "prepare": "adopt",
                    "pin_file": "/run/pin", "so_pin": "team",
                ]
            ],
            "keys": [
                [
                    "label": "sign", "purpose": "signing", "alg": "ES256", "issuer": "https://vault.example",
                    "types": ["at+jwt"], "max_lifetime": "5m",
                ],
                ["label": "checkpoint", "purpose": "checkpoint", "alg": "EdDSA"],
            ],
        ]
    }
}
