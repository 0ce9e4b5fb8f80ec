import AuditLog
import CoreProtocol
import Custody
import Foundation
import HSMBridge
import StrictEncoding
import Synchronization
import Testing
import VaultTesting

@testable import VaultCore

/// A core under 2 of 3 custodians, and ceremonies held in it by the commands of its admin socket.
struct CeremonySite: Sendable {
    var quorum: QuorumSite
    let core: VaultCore

    /// How a token is reached in a test.
    enum Library { case shared, own }

    /// Runs `body` with an active core on a token with a signing, a checkpoint and a TLS key, which no other test has.
    static func run(
        library: Library = .shared, changing change: (inout CoreSite) throws -> Void = { _ in },
        isActive: Bool = true, _ body: (CeremonySite) async throws -> Void
    ) async throws {
        try await withGenesis(library: library, changing: change) { quorum in
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                if isActive { try await quorum.activate(core) }
                try await body(site)
            }
        }
    }

    /// As `run`, without a core.
    static func withGenesis(
        library: Library = .shared, keys: [String] = ["sign-es256", "checkpoint", "tls-gateway"],
        changing change: (inout CoreSite) throws -> Void = { _ in },
        _ body: (QuorumSite) async throws -> Void
    ) async throws {
        try await CoreSite.withEmptyToken { site in
            var site = site
            if library == .own {
                // A library that no other test has loaded may be finalised while they run.
                let own = site.directory + "/libown.so"
                let path = URL(filePath: site.settings.tokens[0].module).resolvingSymlinksInPath().path
                try FileManager.default.copyItem(atPath: path, toPath: own)
                site.settings.tokens[0].module = own
            }
            site.settings.keys = site.settings.keys.filter { keys.contains($0.label) }
            try change(&site)
            let manifest = try await site.genesis()
            let people = try SoftwareQuorum(appliance: manifest.appliance)
            let directory = CustodyDirectory(path: site.directory + "/custody")
            let pins = [manifest.tokens[0].serial: Array(site.token.pin.utf8)]
            let genesis = try people.genesis(of: manifest)
            try people.write(genesis, pins: pins, to: directory)
            site.settings.custody = "quorum"
            site.settings.custodyDirectory = directory.path
            site.settings.manifestFile = directory.manifests
            site.settings.tokens[0].pinFile = nil
            try await site.beginLog(genesis)
            try await body(QuorumSite(site: site, quorum: people, directory: directory))
        }
    }

    init(_ quorum: QuorumSite, _ core: VaultCore) throws {
        self.quorum = quorum
        self.core = core
        core.ceremonies.equipment.child = TokenChild(executable: try BuildProduct.path(of: "vault-appliance"))
    }

    var now: UnixTime { quorum.now }
    var people: [SoftwareCustodian] { quorum.quorum.people }
    var serial: String { core.inForce.current.signed.tokens[0].serial }

    func directory(_ id: String) throws -> CeremonyDirectory {
        try CeremonyDirectory(root: quorum.directory.ceremonies, id: id)
    }

    /// A plan for the manifest in force.
    func plan(_ kind: CeremonyKind, _ members: JSONObject = [:], validFor: String = "7d") throws -> CeremonyPlan {
        var draft: JSONObject = [
            "ceremony": .string(kind.rawValue), "purpose": "A test", "administrator": "fred", "rehearsal": "waived",
            "valid_for": .string(validFor),
        ]
        for member in members.members { draft[member.name] = member.value }
        return try CeremonyPlan(
            draft: .object(draft), manifest: core.inForce.current.signed, now: now, random: CoreCeremony.random)
    }

    func call(_ command: String, _ id: String, _ members: JSONObject = [:]) async throws -> JSONObject {
        var object: JSONObject = ["command": .string("ceremony-" + command), "id": .string(id)]
        for member in members.members { object[member.name] = member.value }
        return try await core.command(.object(object)).object ?? [:]
    }

    /// Begins a ceremony with the approvals of the first two custodians.
    @discardableResult
    func begin(_ plan: CeremonyPlan, by approvers: [SoftwareCustodian]? = nil) async throws -> JSONObject {
        let approvals = try (approvers ?? Array(people.prefix(2))).map { try $0.sign(plan.bytes, .plan) }
        return try await core.command([
            "command": "ceremony-begin", "plan": .string(String(decoding: plan.bytes, as: UTF8.self)),
            "approvals": .array(approvals.map { .string($0) }),
        ]).object ?? [:]
    }

    func step(_ id: String) async throws -> JSONObject { try await call("step", id) }

    /// Two custodians sign the drafted manifest, or others do.
    func signManifest(_ id: String, by signers: [SoftwareCustodian]? = nil) async throws {
        let body = try PrivateFile.readPublic(try directory(id).manifest)
        for person in signers ?? Array(people.prefix(2)) {
            _ = try await call("sign", id, ["signature": .string(try person.sign(body, .manifest))])
        }
    }

    func request(_ id: String) throws -> ActivationRequest {
        try ActivationRequest(file: try PrivateFile.readPublic(try directory(id).file("request/request.json")))
    }

    @discardableResult
    func contribute(_ id: String, _ contribution: (file: [UInt8], signature: String)) async throws -> JSONObject {
        try await call(
            "contribute", id,
            [
                "file": .string(Base64URL.string(contribution.file)), "signature": .string(contribution.signature),
            ])
    }

    /// The custodians of the first epoch contribute.
    func contribute(_ id: String) async throws {
        for index in 0..<2 { try await contribute(id, try quorum.quorum.contribution(of: index, to: try request(id))) }
    }

    /// Goes on to the end: people do what is asked of them by `help`, which by default contributes to what is live.
    @discardableResult
    func finish(
        _ id: String, helping help: ((String) async throws -> Void)? = nil
    ) async throws -> JSONObject {
        for _ in 0..<200 {
            let progress = try await step(id)
            if ["completed", "aborted"].contains(progress["state"]?.string) { return progress }
            guard let wait = progress["waiting"]?.object else { continue }
            if wait["live"] == true {
                if let help { try await help(id) } else { try await contribute(id) }
            } else {
                try await signManifest(id)
            }
        }
        throw CoreError(.refused, "the ceremony \(id) does not end")
    }

    /// Goes on until a step is done, and no further; people do what is asked of them.
    func go(
        _ id: String, until step: String, helping help: ((String) async throws -> Void)? = nil
    ) async throws {
        for _ in 0..<100 {
            let plan = try directory(id).loadPlan()
            if try directory(id).loadTranscript(plan: plan).done.contains(step) { return }
            guard let wait = try await self.step(id)["waiting"]?.object else { continue }
            if wait["live"] == true {
                if let help { try await help(id) } else { try await contribute(id) }
            } else {
                try await signManifest(id)
            }
        }
        throw CoreError(.refused, "the ceremony \(id) does not come to \(step)")
    }

    /// One custodian ends it by an order.
    @discardableResult
    func abort(_ id: String) async throws -> JSONObject {
        let order = try quorum.quorum.order(.abort, id, instance: core.instance, now: now, by: people[2])
        return try await call(
            "abort", id, ["order": .string(order.file), "signature": .string(order.signature)])
    }

    /// Begins and finishes a ceremony.
    @discardableResult
    func hold(_ kind: CeremonyKind, _ members: JSONObject = [:]) async throws -> CeremonyPlan {
        let plan = try plan(kind, members)
        try await begin(plan)
        try await finish(plan.id)
        return plan
    }

    /// The whole ceremony, verified offline.
    func verify(_ plan: CeremonyPlan) throws -> VerifiedCeremony {
        try VerifiedCeremony(try directory(plan.id), manifests: core.inForce.current.chain?.manifests ?? [])
    }

    /// What a fresh process sees on the token: kinds, labels and ids.
    func objects() async throws -> [String] {
        let place = try core.hsms.configured(serial)
        guard let pin = core.hsms.activatedPINs?[serial] else { return [] }
        let report = try await core.ceremonies.equipment.child.run(
            .examine(uri: place.uri), module: place.module, secrets: [pin])
        return (report.objects ?? []).map { "\($0.kind.rawValue) \($0.label) \(Hexadecimal.string($0.id))" }.sorted()
    }

    /// What the manifest in force says must be there.
    func expectedObjects() -> [String] {
        core.inForce.current.signed.keys.filter { $0.token == serial && $0.state != .destroyed }.flatMap { key in
            ["privateKey", "publicKey"].map { "\($0) \(key.label) \(key.id)" }
        }.sorted()
    }

    func key(_ label: String) throws -> ManifestKey {
        try #require(core.manifest.keys.first { $0.label == label })
    }

    func state(_ label: String) throws -> ManifestKey.State { try key(label).state }

    static func signing(_ label: String, _ algorithm: String = "ES256") -> JSONValue {
        [
            "label": .string(label), "purpose": "signing", "alg": .string(algorithm),
            "issuer": "https://vault.example", "types": ["at+jwt"], "max_lifetime": 300,
        ]
    }

    static func other(_ label: String, _ purpose: String, _ algorithm: String) -> JSONValue {
        ["label": .string(label), "purpose": .string(purpose), "alg": .string(algorithm)]
    }
}

/// Which points a process dies at.
enum PointKind: Sendable { case begunOrActed, done }

extension CeremonyPoint {
    func isOneOf(_ kind: PointKind) -> Bool {
        if case .done = self { kind == .done } else { kind == .begunOrActed }
    }
}

/// Dies once at every point that a ceremony comes to.
final class Deaths: Sendable {
    private let seen = Mutex<Set<CeremonyPoint>>([])
    private let isMeant: @Sendable (CeremonyPoint) -> Bool

    init(_ isMeant: @escaping @Sendable (CeremonyPoint) -> Bool = { _ in true }) { self.isMeant = isMeant }

    var count: Int { seen.withLock { $0.count } }

    /// Where, for messages of tests.
    var places: [String] { seen.withLock { $0.map { "\($0)" }.sorted() } }

    var pass: @Sendable (CeremonyPoint) throws(CustodyError) -> Void {
        { (point) throws(CustodyError) in
            guard self.isMeant(point), self.seen.withLock({ $0.insert(point).inserted }) else { return }
            throw CustodyError(.systemRefused, "the process died at \(point)")
        }
    }
}
