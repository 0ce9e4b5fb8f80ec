import AuditLog
import CoreProtocol
import Custody
import Foundation
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// A custodian change that replaces the appliance's host key too: what the old one signs counts for nothing afterwards.
///
/// The tokens keep their PINs here, so that the library that other tests use is not finalised; with new PINs, and a kill
/// between the manifest and the file, it is `Tests/Python/host_key.py`.
@Suite(.timeLimit(.minutes(10))) struct HostKeyCeremonyTests {
    typealias Successors = RotateEpochCeremonyTests.Successors

    private static let install = ManifestSteps.install

    /// Which manifest's host key each file holds, by its version.
    private static func files(_ quorum: QuorumSite) throws -> [Int64?] {
        let chain = try quorum.directory.readChain()
        return [try? quorum.directory.readHostKey(), try? quorum.directory.readNextHostKey()].map { key in
            key.flatMap { key in chain.manifests.first { $0.names(hostKey: key.publicKey) }?.version }
        }
    }

    private static func begin(_ site: CeremonySite, _ successors: Successors) async throws -> CeremonyPlan {
        try await site.quorum.activate(site.core)
        let plan = try site.plan(.rotateEpoch, successors.members(setsPINs: false, makesHostKey: true))
        try await site.begin(plan)
        return plan
    }

    /// Goes on until the process dies at a point.
    private static func die(
        at point: CeremonyPoint, _ site: CeremonySite, _ successors: Successors
    ) async throws -> CeremonyPlan {
        let plan = try await begin(site, successors)
        site.core.ceremonies.equipment.pass = Deaths { $0 == point }.pass
        await #expect(throws: CoreError.self) {
            try await site.finish(plan.id) { try await successors.contribute($0, site) }
        }
        site.core.ceremonies.equipment.pass = { _ in }
        return plan
    }

    private static func abort(_ site: CeremonySite, _ id: String) async throws -> JSONObject {
        let order = try site.quorum.quorum.order(
            .abort, id, instance: site.core.instance, now: site.now, by: site.people[0])
        return try await site.call(
            "abort", id,
            ["order": .string(order.file), "signature": .string(order.signature)])
    }

    @Test func afterwardsRequestsAreSignedByTheNewKeyAndTheOldOneIsRefusedByName() async throws {
        try await CeremonySite.withGenesis { quorum in
            let successors = try Successors()
            let old = try PrivateFile.read(quorum.directory.hostKeyFile).exposed
            var id = ""
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                let plan = try await Self.begin(site, successors)
                id = plan.id
                var proof: (ActivationRequest, String)?
                try await site.finish(id) { id in
                    let signature = try PrivateFile.readPublic(try site.directory(id).file("request/request.json.sig"))
                    proof = (try site.request(id), String(decoding: signature, as: UTF8.self))
                    #expect(try quorum.directory.readHostKey().publicKey == quorum.quorum.host.publicKey)
                    try await successors.contribute(id, site)
                }
                let chain = try #require(core.inForce.current.chain)
                let key = try quorum.directory.readHostKey().publicKey
                #expect(key != quorum.quorum.host.publicKey && chain.current.names(hostKey: key))
                // What the new custodians answered was signed by the new key, for the new manifest.
                let (request, signature) = try #require(proof)
                #expect(request.manifest == chain.current.hash)
                try request.verify(signature: signature, chain: chain, now: site.now)
                try Self.expectRecorded(site, plan, key)
                try await Self.expectDrillIsSigned(site, successors, chain)
            }
            for name in try FileManager.default.subpathsOfDirectory(atPath: quorum.directory.path) {
                let bytes = FileManager.default.contents(atPath: "\(quorum.directory.path)/\(name)")
                #expect(bytes.map(Array.init) != old, "\(name)")
            }
            try await quorum.running { core in
                let (request, signature) = try await quorum.request(core)
                let chain = try #require(core.inForce.current.chain)
                try request.verify(signature: signature, chain: chain, now: quorum.now)
                let stolen = try quorum.quorum.host.sign(
                    request.bytes, namespace: SignaturePurpose.request.namespace)
                let refusal = #expect(throws: CustodyError(.stranger, "")) {
                    try request.verify(signature: stolen, chain: chain, now: quorum.now)
                }
                #expect(refusal?.reason.contains("which manifest 2 replaced") == true)
                try await successors.activate(core, id, try CeremonySite(quorum, core))
                #expect(try await quorum.signs(core))
            }
        }
    }

    /// The transcript has the key, and the log its fingerprint: where it was made, put in force, and read back.
    private static func expectRecorded(_ site: CeremonySite, _ plan: CeremonyPlan, _ key: SSHPublicKey) throws {
        let transcript = try site.verify(plan).transcript
        let line = try #require(transcript.evidence(of: "host-key"))
        #expect(line.data["host_key"]?.string == key.line)
        #expect(line.data["fingerprint"]?.string == key.fingerprint)
        #expect(transcript.evidence(of: "forget")?.data["fingerprint"]?.string == key.fingerprint)
        let entries = try site.quorum.entries()
        let told = entries.filter { $0.kind == .ceremonyStep && $0.detail?["fingerprint"] == key.fingerprint }
        #expect(told.map { $0.detail?["step"] } == ["host-key", "forget"])
        let installed = try #require(entries.last { $0.kind == .adminManifestInstalled })
        #expect(installed.detail?["host_key"] == key.fingerprint)
    }

    /// The key in the memory of the core that runs is the new one too.
    private static func expectDrillIsSigned(
        _ site: CeremonySite, _ successors: Successors, _ chain: ManifestChain
    ) async throws {
        let drill = try site.plan(.drill)
        try await site.begin(drill, by: Array(successors.people.prefix(2)))
        _ = try await site.step(drill.id)
        let signature = try PrivateFile.readPublic(try site.directory(drill.id).file("request/request.json.sig"))
        try site.request(drill.id).verify(
            signature: String(decoding: signature, as: UTF8.self), chain: chain, now: site.now)
    }

    /// The process dies once at each point: the file and the manifest are both the old ones or both the new ones.
    @Test(arguments: [(PointKind.begunOrActed, 15), (.done, 9)])
    func aProcessThatDiesAnywhereLeavesTheOldPairOrTheNewOne(kind: PointKind, count: Int) async throws {
        try await CeremonySite.withGenesis { quorum in
            let successors = try Successors()
            let deaths = Deaths { $0.isOneOf(kind) }
            var id = ""
            var isOver = false
            for run in 0..<60 where !isOver {
                try await quorum.running { core in
                    let site = try CeremonySite(quorum, core)
                    core.ceremonies.equipment.pass = deaths.pass
                    if run == 0 {
                        let plan = try site.plan(.rotateEpoch, successors.members(setsPINs: false, makesHostKey: true))
                        id = plan.id
                        try await quorum.activate(core)
                        try await site.begin(plan)
                    } else if core.inForce.current.signed.version == 1,
                        try site.directory(id).loadTranscript(plan: try site.directory(id).loadPlan()).touched
                            .allSatisfy({ !$0.hasPrefix("pin.") })
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
                let files = try Self.files(quorum)
                let version = try quorum.directory.readChain().current.version
                #expect(files[0] == version && (version == 1 || files[1] == nil), "\(files) \(deaths.places)")
            }
            #expect(isOver)
            #expect(deaths.count == count, "\(deaths.places)")
            #expect(try Self.files(quorum) == [2, nil])
            try await quorum.running { core in
                try await successors.activate(core, id, try CeremonySite(quorum, core))
                #expect(try await quorum.signs(core))
            }
        }
    }

    /// The manifest's file is durable, and nothing else happened: the next start takes the key that it names.
    @Test func aProcessThatDiesBetweenTheManifestAndTheFileIsFinishedByTheNextStart() async throws {
        try await CeremonySite.withGenesis { quorum in
            let successors = try Successors()
            var id = ""
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                let plan = try await Self.die(at: .begun(Self.install), site, successors)
                id = plan.id
                #expect(try Self.files(quorum) == [1, nil])
                let ceremony = try Ceremony(
                    site.directory(id), plan: plan, manifest: core.inForce.current.signed)
                try quorum.directory.add(try ceremony.signedManifest())
                #expect(try Self.files(quorum) == [1, 2])
                // Whoever only looks changes nothing.
                #expect(try Trust.verified(quorum.directory).current.version == 2)
                #expect(try Self.files(quorum) == [1, 2])
            }
            try await quorum.running { core in
                #expect(try Self.files(quorum) == [2, nil])
                let site = try CeremonySite(quorum, core)
                let (request, signature) = try await quorum.request(core)
                let chain = try #require(core.inForce.current.chain)
                #expect(chain.current.version == 2)
                try request.verify(signature: signature, chain: chain, now: site.now)
                #expect(try await site.finish(id)["state"] == "completed")
                try await successors.activate(core, id, site)
                #expect(try await quorum.signs(core))
            }
        }
    }

    /// A disk that refuses the renaming after the manifest is in force: the step fails, and the next call mends that alone.
    @Test func aFileThatCannotBePutInPlaceFailsTheStepUntilItCan() async throws {
        try await CeremonySite.withGenesis { quorum in
            let successors = try Successors()
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                let plan = try await Self.begin(site, successors)
                let (file, aside) = (quorum.directory.hostKeyFile, quorum.site.directory + "/aside")
                try FileManager.default.moveItem(atPath: file, toPath: aside)
                try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
                let failure = await #expect(throws: CoreError(.refused, "")) {
                    try await site.finish(plan.id) { try await successors.contribute($0, site) }
                }
                #expect(failure?.reason.contains(file) == true, "\(String(describing: failure))")
                #expect(core.inForce.current.signed.version == 2)
                #expect(try Self.files(quorum) == [nil, 2])
                // In memory it is the new key already: what is asked for meanwhile is believed.
                #expect(core.inForce.current.signed.names(hostKey: try core.quorum().hostKey.publicKey))
                await #expect(throws: CoreError(.refused, "")) { _ = try await Self.abort(site, plan.id) }
                try FileManager.default.removeItem(atPath: file)
                try FileManager.default.moveItem(atPath: aside, toPath: file)
                #expect(try Self.files(quorum) == [1, 2])
                #expect(try await site.finish(plan.id)["state"] == "completed")
                #expect(try Self.files(quorum) == [2, nil])
                #expect(try site.verify(plan).outcome == .completed)
            }
        }
    }

    @Test func abortedAnywhereTheOldKeyStaysAndTheNewOneIsGone() async throws {
        try await CeremonySite.withGenesis { quorum in
            let successors = try Successors()
            let old = try PrivateFile.read(quorum.directory.hostKeyFile).exposed
            for steps in 0...8 {
                try await quorum.running { core in
                    let site = try CeremonySite(quorum, core)
                    let plan = try await Self.begin(site, successors)
                    for _ in 0..<steps {
                        let wait = try await site.step(plan.id)["waiting"]?.object
                        if wait?["live"] == true {
                            try await successors.contribute(plan.id, site)
                        } else if wait != nil {
                            try await site.signManifest(plan.id)
                        }
                    }
                    let wasMade = steps > 1
                    #expect(FileManager.default.fileExists(atPath: quorum.directory.nextHostKeyFile) == wasMade)
                    #expect(try await Self.abort(site, plan.id)["state"] == "aborted")
                    #expect(!FileManager.default.fileExists(atPath: quorum.directory.nextHostKeyFile))
                    #expect(try PrivateFile.read(quorum.directory.hostKeyFile).exposed == old)
                    #expect(try await quorum.signs(core))
                }
            }
        }
    }

    /// A core that runs has the key in memory: it can still be replaced when its file is gone, and not after a restart.
    @Test func aFileThatIsLostWhileTheCoreRunsIsReplacedByTheCeremony() async throws {
        try await CeremonySite.withGenesis { quorum in
            let successors = try Successors()
            var id = ""
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                try FileManager.default.removeItem(atPath: quorum.directory.hostKeyFile)
                id = try await Self.begin(site, successors).id
                try await site.finish(id) { try await successors.contribute($0, site) }
                #expect(try Self.files(quorum) == [2, nil])
            }
            try await quorum.running { core in
                try await successors.activate(core, id, try CeremonySite(quorum, core))
            }
            try FileManager.default.removeItem(atPath: quorum.directory.hostKeyFile)
            let error = await #expect(throws: StartError.self) { _ = try await quorum.start() }
            #expect(error?.problem.contains(quorum.directory.hostKeyFile) == true)
        }
    }

    /// Something that no ceremony under way has made: it is named, never used, and the next attempt takes it away.
    @Test func aKeyThatAnotherLeftThereIsNotTakenForTheCeremonys() async throws {
        try await CeremonySite.withGenesis { quorum in
            let successors = try Successors()
            let stray = try quorum.directory.createNextHostKey()
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                let plan = try await Self.begin(site, successors)
                let failure = await #expect(throws: CoreError(.refused, "")) {
                    try await site.finish(plan.id) { try await successors.contribute($0, site) }
                }
                #expect(failure?.reason.contains("host-key.new") == true)
                try await site.finish(plan.id) { try await successors.contribute($0, site) }
                #expect(!core.inForce.current.signed.names(hostKey: stray.publicKey))
                #expect(try Self.files(quorum) == [2, nil])
            }
        }
    }
}
