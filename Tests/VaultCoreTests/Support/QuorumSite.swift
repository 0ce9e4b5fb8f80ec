import AuditLog
import CoreProtocol
import Custody
import Foundation
import Logging
import NIOCore
import StrictEncoding
import VaultTesting

@testable import VaultCore

/// A core under 2 of 3 custodians on a real token; how the custodians reach it, and what they send.
struct QuorumSite: Sendable {
    var site: CoreSite
    let quorum: SoftwareQuorum
    let directory: CustodyDirectory
    let fatal = FatalErrors()

    /// Runs `body` where genesis has been under a quorum; no core runs yet.
    static func withGenesis(
        spoilsToken: Bool = false, dials: Manifest.Dials? = nil, changing change: (inout Manifest) -> Void = { _ in },
        _ body: (QuorumSite) async throws -> Void
    ) async throws {
        try await CoreSite.withGenesis(spoilsToken: spoilsToken) { site in
            var site = site
            var manifest = try site.manifest
            change(&manifest)
            let quorum = try SoftwareQuorum(appliance: manifest.appliance)
            let directory = CustodyDirectory(path: site.directory + "/custody")
            let pins = Dictionary(
                uniqueKeysWithValues: manifest.tokens.map { ($0.serial, Array(site.token.pin.utf8)) })
            let genesis = try quorum.genesis(of: manifest, dials: dials)
            try quorum.write(genesis, pins: pins, to: directory)
            site.settings.custody = "quorum"
            site.settings.custodyDirectory = directory.path
            site.settings.manifestFile = directory.manifests
            site.settings.tokens[0].pinFile = nil
            site.settings.logOptions.lastCheckpointFile = site.directory + "/last-checkpoint"
            try await site.beginLog(genesis)
            try await body(QuorumSite(site: site, quorum: quorum, directory: directory))
        }
    }

    /// Runs `body` with a core that is sealed, and shuts it down.
    static func run(
        spoilsToken: Bool = false, dials: Manifest.Dials? = nil, changing change: (inout Manifest) -> Void = { _ in },
        _ body: (QuorumSite, VaultCore) async throws -> Void
    ) async throws {
        try await withGenesis(spoilsToken: spoilsToken, dials: dials, changing: change) { site in
            try await site.running { try await body(site, $0) }
        }
    }

    /// Runs `body` with a core that is started here, and shuts it down.
    func running(serviceManager: ServiceManager? = nil, _ body: (VaultCore) async throws -> Void) async throws {
        let core = try await start(serviceManager: serviceManager)
        do {
            try await body(core)
        } catch {
            await core.shutdown()
            throw error
        }
        await core.shutdown()
    }

    func start(serviceManager: ServiceManager? = nil, logger: Logger = .silent) async throws -> VaultCore {
        let (clock, fatal) = (site.clock, fatal)
        return try await VaultCore.start(
            settings: site.settings, logger: logger, clock: { clock.now }, instance: UUID().uuidString,
            serviceManager: serviceManager, onFatal: { fatal.add($0) })
    }

    var now: UnixTime { site.clock.now }

    /// Opens a request as the admin socket does.
    func request(_ core: VaultCore, lifetime: Int64? = nil) async throws -> (ActivationRequest, String) {
        var command: JSONObject = JSONObject([
            .init(name: "command", value: "activation-request"), .init(name: "operator", value: "root"),
        ])
        command["lifetime"] = lifetime.map { .integer($0) }
        let answer = try await core.command(.object(command)).object
        return (
            try ActivationRequest(file: Array((answer?["request"]?.string ?? "").utf8)),
            answer?["signature"]?.string ?? ""
        )
    }

    /// Hands in what one custodian sends.
    @discardableResult
    func contribute(_ core: VaultCore, _ contribution: (file: [UInt8], signature: String)) async throws -> JSONValue {
        try await core.command([
            "command": "activation-contribute", "file": .string(Base64URL.string(contribution.file)),
            "signature": .string(contribution.signature),
        ])
    }

    /// Two custodians bring the core to life.
    func activate(_ core: VaultCore) async throws {
        let (request, _) = try await request(core)
        for index in 0..<2 { try await contribute(core, try quorum.contribution(of: index, to: request)) }
    }

    /// Hands in an order of one person.
    @discardableResult
    func order(
        _ core: VaultCore, _ command: String, _ action: Order.Action, _ subject: String = "",
        by person: SoftwareCustodian? = nil
    ) async throws -> JSONValue {
        let order = try quorum.order(
            action, subject, instance: core.instance, now: now, by: person ?? quorum.people[2])
        return try await core.command([
            "command": .string(command), "order": .string(order.file), "signature": .string(order.signature),
        ])
    }

    /// The entries of the log in their order.
    func entries() throws -> [Entry] {
        var entries: [Entry] = []
        try LogReader(directory: site.settings.logDirectory).forEach(in: 0..<UInt64.max) {
            (_, bytes) throws(AuditLogError) in entries.append(try Entry(jsonBytes: bytes))
        }
        return entries
    }

    /// Whether the core signs a token now.
    func signs(_ core: VaultCore, _ label: String = "sign-es256") async throws -> Bool {
        try await code(core, label) == nil
    }

    /// Why the core signs no token now; nil when it does.
    func code(_ core: VaultCore, _ label: String = "sign-es256") async throws -> CoreError.Code? {
        var entry = Entry(kind: .configLoaded)
        entry.bundle = String(repeating: "ab", count: 32)
        guard let key = core.manifest.keys.first(where: { $0.label == label }) else { return .unknownKey }
        do throws(CoreError) {
            _ = try await core.append(entry)
            _ = try await core.sign(MintDraft(key: key, now: now).request)
            return nil
        } catch {
            return error.code
        }
    }
}

extension LockedBytes {
    /// The bytes, for comparison: tests hold no real secrets.
    var exposed: [UInt8] { withSpan { span in span.indices.map { span[$0] } } }
}

extension VaultCore {
    /// Executes a command as the admin socket does.
    @discardableResult
    func command(_ json: JSONValue) async throws(CoreError) -> JSONValue { try await execute(ByteBuffer(json: json)) }
}
