import Custody
import StrictEncoding
import Testing

/// The plan of a custodian change: whether the host key is replaced with it.
@Suite struct RotateEpochPlanTests {
    private static func draft(_ change: (inout JSONObject) -> Void = { _ in }) throws -> JSONObject {
        let people = try ["bob", "frida"].map { try QuorumFixture.Someone($0) }
        var draft: JSONObject = [
            "ceremony": "rotate-epoch", "purpose": "The host key is stolen", "administrator": "dora", "threshold": 2,
            "custodians": .array(
                people.map { person in
                    [
                        "name": .string(person.name), "ssh_key": .string(person.ssh.publicKey.line),
                        "age_recipient": .string(person.age.recipient.description),
                    ]
                }),
        ]
        change(&draft)
        return draft
    }

    private static func plan(_ draft: JSONObject) throws -> CeremonyPlan {
        try CeremonyPlan(
            draft: .object(draft), manifest: try QuorumFixture().genesis, now: QuorumFixture.now,
            random: { [UInt8](repeating: 7, count: $0) })
    }

    private static func makesHostKey(_ plan: CeremonyPlan) -> Bool? {
        guard case .rotateEpoch(let rotation) = plan.parameters else { return nil }
        return rotation.makesHostKey
    }

    @Test(arguments: [nil, false, true] as [Bool?])
    func theHostKeyIsReplacedWhereThePlanSaysSoAndNowhereElse(said: Bool?) throws {
        let plan = try Self.plan(try Self.draft { $0["new_host_key"] = said.map { .bool($0) } })
        #expect(Self.makesHostKey(plan) == (said ?? false))
        let read = try CeremonyPlan(file: plan.bytes)
        #expect(read == plan && Self.makesHostKey(read) == (said ?? false))
        let text = String(decoding: plan.bytes, as: UTF8.self)
        #expect(text.contains("new_host_key") == (said ?? false))
    }

    @Test func thereIsOneFormOfAPlanInWhichTheKeyStays() throws {
        let plan = try Self.plan(try Self.draft())
        let other = try JSONParser.parse(plan.bytes).object.map { object in
            var object = object
            object["new_host_key"] = false
            return JSONWriter.canonical(.object(object)) + [0x0A]
        }
        #expect(throws: CustodyError(.malformed, "")) { try CeremonyPlan(file: try #require(other)) }
    }

    @Test(arguments: ["yes", 1, [true]] as [JSONValue])
    func whatIsNeitherTrueNorFalseIsNamed(value: JSONValue) throws {
        let draft = try Self.draft { $0["new_host_key"] = value }
        let error = #expect(throws: PlanError.self) { try Self.plan(draft) }
        #expect(error?.faults.map(\.field) == ["new_host_key"])
    }

    @Test func anUnattendedStartKeepsItsPIN() throws {
        let draft = try Self.draft { $0["dials"] = ["unattended_start": true] }
        let error = #expect(throws: PlanError.self) { try Self.plan(draft) }
        #expect(error?.faults.map(\.field) == ["set_pins"] && error?.faults[0].mend.contains("set_pins: false") == true)
        var kept = draft
        kept["set_pins"] = false
        #expect(throws: Never.self) { try Self.plan(kept) }
    }

    @Test func aPlanOfBeforeThatAskedForKeysInFilesIsStillRead() throws {
        let text = String(decoding: try Self.plan(try Self.draft()).bytes, as: UTF8.self)
        let old = text.replacing("\"file_tls_keys\":false", with: "\"file_tls_keys\":true")
        #expect(old != text)
        #expect(throws: Never.self) { try CeremonyPlan(file: Array(old.utf8)) }
        let error = #expect(throws: PlanError.self) {
            try Self.plan(try Self.draft { $0["dials"] = ["file_tls_keys": true] })
        }
        #expect(error?.faults.map(\.field) == ["dials.file_tls_keys"])
    }

    @Test func anotherKindOfCeremonyReplacesNoHostKey() throws {
        let error = #expect(throws: PlanError.self) {
            try Self.plan([
                "ceremony": "drill", "purpose": "A drill", "administrator": "dora", "new_host_key": true,
            ])
        }
        #expect(error?.faults.map(\.field) == ["new_host_key"])
    }
}
