import AuditLog
import CoreProtocol
import Custody
import Foundation
import HSMBridge
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// Another set of custodians: a new secret, new shares, new PINs, and nothing that the old shares open.
@Suite(.timeLimit(.minutes(10))) struct RotateEpochCeremonyTests {
    /// bob and carol stay with other keys, dora comes, alice goes.
    struct Successors {
        let people: [SoftwareCustodian]

        init() throws { people = try ["bob", "carol", "dora"].map { try SoftwareCustodian($0) } }

        func members(setsPINs: Bool = true, makesHostKey: Bool = false) -> JSONObject {
            [
                "custodians": .array(
                    people.map { person in
                        [
                            "name": .string(person.name), "ssh_key": .string(person.ssh.publicKey.line),
                            "age_recipient": .string(person.age.recipient.description),
                        ]
                    }), "threshold": 2, "set_pins": .bool(setsPINs),
                "new_host_key": .bool(makesHostKey),
            ]
        }

        /// The share that the ceremony has encrypted to one of them, for a request.
        func contribution(
            _ index: Int, _ id: String, _ site: CeremonySite, to request: ActivationRequest
        ) throws -> (file: [UInt8], signature: String) {
            let person = people[index]
            let file = try PrivateFile.readPublic("\(try site.directory(id).shares)/\(person.name).age")
            let share = try Share(decoding: try AgeFile.decrypt(file, with: person.age))
            let answer = try AgeFile.encrypt(share.encoded, to: [try AgeRecipient(request.recipient)])
            return (answer, try person.sign(answer, .contribution(request: request.hash)))
        }

        func contribute(_ id: String, _ site: CeremonySite) async throws {
            for index in [0, 2] {
                try await site.contribute(id, try contribution(index, id, site, to: try site.request(id)))
            }
        }

        /// Two of them bring a sealed core to life.
        func activate(_ core: VaultCore, _ id: String, _ site: CeremonySite) async throws {
            let (request, _) = try await site.quorum.request(core)
            for index in [1, 2] {
                try await site.quorum.contribute(core, try contribution(index, id, site, to: request))
            }
        }
    }

    private func opens(_ site: CeremonySite, _ pin: LockedBytes) async throws -> Bool {
        let place = try site.core.hsms.configured(site.serial)
        do throws(HSMError) {
            _ = try await site.core.ceremonies.equipment.child.run(
                .examine(uri: place.uri), module: place.module, secrets: [pin])
            return true
        } catch {
            return error.code == .pinRefused ? false : true
        }
    }

    @Test func theNewCustodiansActivateAndNothingOpensForTheOldOnes() async throws {
        try await CeremonySite.withGenesis(library: .own) { quorum in
            let successors = try Successors()
            var id = ""
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                try await quorum.activate(core)
                let oldPIN = try LockedBytes(copying: Array(quorum.site.token.pin.utf8))
                let plan = try site.plan(.rotateEpoch, successors.members())
                id = plan.id
                try await site.begin(plan)
                try await site.finish(id) { try await successors.contribute($0, site) }
                #expect(core.inForce.current.signed.activation?.epoch == 2)
                #expect(core.inForce.current.signed.custodians.map(\.name) == ["bob", "carol", "dora"])
                #expect(try await quorum.signs(core))
                #expect(try await !opens(site, oldPIN))
                #expect(!FileManager.default.fileExists(atPath: quorum.directory.pinsFile(epoch: 1)))
                #expect(try site.verify(plan).outcome == .completed)
                let report = CeremonyReport(try site.verify(plan)).text
                for share in try #require(core.inForce.current.signed.activation?.shares) {
                    let row = "\(share.custodian) | \(share.index) | 2 | 2 | \(share.commitment)"
                    #expect(report.contains(row))
                }
                let line = try #require(try site.verify(plan).transcript.evidence(of: "pin.1"))
                #expect(line.data["pin"] == "set" && line.data["opens_in_a_fresh_process"] == true)
                // The old custodians approve nothing any more, the new ones do.
                let next = try site.plan(.generate, ["keys": [CeremonySite.signing("sign-next")]])
                await #expect(throws: CoreError(.refused, "")) { try await site.begin(next) }
                try await site.begin(next, by: Array(successors.people.prefix(2)))
            }
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                let (request, _) = try await quorum.request(core)
                await #expect(throws: CoreError(.refused, "")) {
                    try await quorum.contribute(core, quorum.quorum.contribution(of: 0, to: request))
                }
                let carol = try quorum.quorum.contribution(of: 2, to: request, signer: successors.people[1])
                await #expect(throws: CoreError(.refused, "")) { try await quorum.contribute(core, carol) }
                try await successors.activate(core, id, site)
                #expect(try await quorum.signs(core))
            }
        }
    }

    /// The process dies once at each point; where it dies matters most between the PIN and the manifest.
    @Test(arguments: [(PointKind.begunOrActed, 14), (.done, 8)])
    func aProcessThatDiesAnywhereGoesOnWithTheNewShares(kind: PointKind, count: Int) async throws {
        try await CeremonySite.withGenesis(library: .own) { quorum in
            let successors = try Successors()
            let deaths = Deaths { $0.isOneOf(kind) }
            var id = ""
            var isOver = false
            for run in 0..<60 where !isOver {
                try await quorum.running { core in
                    let site = try CeremonySite(quorum, core)
                    core.ceremonies.equipment.pass = deaths.pass
                    if run == 0 {
                        try await quorum.activate(core)
                        let plan = try site.plan(.rotateEpoch, successors.members())
                        id = plan.id
                        try await site.begin(plan)
                    } else if core.inForce.current.signed.version == 1,
                        try site.directory(id).loadTranscript(plan: try site.directory(id).loadPlan()).touched
                            .allSatisfy({
                                !$0.hasPrefix("pin.")
                            })
                    {
                        try await quorum.activate(core)
                    }
                    do {
                        try await site.finish(id) { try await successors.contribute($0, site) }
                        isOver = true
                    } catch let error as CoreError {
                        #expect(error.reason.contains("died"), "\(error)")
                    }
                }
            }
            #expect(isOver)
            #expect(deaths.count == count, "\(deaths.places)")
            try await quorum.running { core in
                try await successors.activate(core, id, try CeremonySite(quorum, core))
                #expect(try await quorum.signs(core))
                #expect(core.inForce.current.signed.version == 2)
            }
        }
    }

    @Test func abortedBeforeThePINIsSetEverythingIsAsItWas() async throws {
        try await CeremonySite.withGenesis(library: .own) { quorum in
            let successors = try Successors()
            for steps in 0...7 {
                try await quorum.running { core in
                    let site = try CeremonySite(quorum, core)
                    try await quorum.activate(core)
                    let plan = try site.plan(.rotateEpoch, successors.members())
                    try await site.begin(plan)
                    for _ in 0..<steps {
                        let wait = try await site.step(plan.id)["waiting"]?.object
                        if wait?["live"] == true {
                            try await successors.contribute(plan.id, site)
                        } else if wait != nil {
                            try await site.signManifest(plan.id)
                        }
                    }
                    let order = try quorum.quorum.order(
                        .abort, plan.id, instance: core.instance, now: site.now, by: site.people[0])
                    let progress = try await site.call(
                        "abort", plan.id,
                        ["order": .string(order.file), "signature": .string(order.signature)])
                    #expect(progress["state"] == "aborted")
                    #expect(!FileManager.default.fileExists(atPath: quorum.directory.pinsFile(epoch: 2)))
                    #expect(try await quorum.signs(core))
                    #expect(core.inForce.current.signed.version == 1)
                }
            }
        }
    }

    @Test("a rotation whose PINs are set, or may be, goes forward only", arguments: [false, true])
    func forwardOnly(isSaid: Bool) async throws {
        try await CeremonySite.withGenesis(library: .own) { quorum in
            let successors = try Successors()
            var id = ""
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                try await quorum.activate(core)
                let plan = try site.plan(.rotateEpoch, successors.members())
                id = plan.id
                try await site.begin(plan)
                core.ceremonies.equipment.pass =
                    Deaths { $0 == (isSaid ? .done("pin.1") : .acted("pin.1")) }.pass
                await #expect(throws: CoreError.self) {
                    try await site.finish(id) { try await successors.contribute($0, site) }
                }
            }
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                // Whoever goes on without the shares learns that they are needed, and nothing is written as taken back.
                if !isSaid { #expect(try await site.step(id)["waiting"]?.object?["live"] == true) }
                let transcript = try site.directory(id).loadTranscript(plan: try site.directory(id).loadPlan())
                #expect(transcript.touched.contains("pin.1"))
                let order = try quorum.quorum.order(
                    .abort, id, instance: core.instance, now: site.now, by: site.people[0])
                await #expect(throws: CoreError(.refused, "")) {
                    _ = try await site.call(
                        "abort", id,
                        ["order": .string(order.file), "signature": .string(order.signature)])
                }
                // The core is sealed, and its old custodians could not open the token any more.
                #expect(core.isSealed)
                try await site.finish(id) { try await successors.contribute($0, site) }
                try await successors.activate(core, id, site)
                #expect(try await quorum.signs(core))
            }
        }
    }

    @Test func aPartitionThatRefusesToSetPINsKeepsThem() async throws {
        let module = try FaultModule.shared()
        let faults = try module.takeToken()
        let rules = try faults.always("C_InitToken,C_InitPIN,C_SetPIN", "unsupported")
        defer { try? faults.lift(rules) }
        try await CeremonySite.withGenesis(changing: { site in site = site.on(faults, of: module) }) { quorum in
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                core.ceremonies.equipment.child = try module.child(in: quorum.site.directory)
                try await quorum.activate(core)
                let successors = try Successors()
                let plan = try site.plan(.rotateEpoch, successors.members())
                try await site.begin(plan)
                try await site.finish(plan.id) { try await successors.contribute($0, site) }
                let line = try #require(try site.verify(plan).transcript.evidence(of: "pin.1"))
                #expect(line.data["pin"] == "kept" && core.inForce.current.signed.activation?.epoch == 2)
                #expect(try await quorum.signs(core))
                #expect(!FileManager.default.fileExists(atPath: quorum.directory.pinsFile(epoch: 1)))
                // The other kinds work there too.
                let keys: JSONObject = ["keys": [CeremonySite.signing("sign-next")]]
                let generation = try site.plan(.generate, keys)
                try await site.begin(generation, by: Array(successors.people.prefix(2)))
                while try await site.step(generation.id)["waiting"]?.object == nil {}
                try await site.signManifest(generation.id, by: Array(successors.people.prefix(2)))
                try await site.finish(generation.id)
                #expect(try site.state("sign-next") == .prepublished)
                let audit = try site.plan(.auditVerify)
                try await site.begin(audit, by: Array(successors.people.prefix(2)))
                try await site.finish(audit.id)
                #expect(try site.verify(audit).transcript.evidence(of: "report")?.data["faults"] == [])
            }
        }
    }
}
