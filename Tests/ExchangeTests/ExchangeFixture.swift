import AuditLog
import CoreProtocol
import Crypto
import Foundation
import Logging
import Minting
import StrictEncoding
import SwiftASN1
import VaultCore
import VaultTesting

@testable import VaultAppliance

/// The front's exchange over a core in process: a real SoftHSM token, a real log, a real configuration; no sockets.
///
/// Its clock stands still at the moment it was made, so that times are exact however slow the machine; and a signature may
/// wait long.
final class ExchangeFixture: Sendable {
    static let audience = "https://demo-api.acme.example"
    static let vault = "https://vault.acme.example"
    static let gatewayName = "spiffe://acme.example/gateway/mcp"

    let core: VaultCore
    let service: ExchangeService
    let keys: KeyDirectory
    let revocations: RevocationView
    let users: DevelopmentIssuer
    let agents: DevelopmentIssuer
    /// The client `gateway-jwt`, which signs assertions.
    let gateway: AssertingGateway
    let authority: DevelopmentPKI
    let logDirectory: String
    private let clock: @Sendable () -> UnixTime

    /// Makes keys, starts the core and loads the bundle.
    init(_ additions: ExchangeAdditions = ExchangeAdditions(), devices: [ExchangeDevice]? = nil) async throws {
        let directory = NSTemporaryDirectory() + "vault-exchange-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let time = UnixTime(seconds: Int64(Date().timeIntervalSince1970))
        let clock: @Sendable () -> UnixTime = { time }
        // RSA keys take seconds in a debug build.
        let (users, agents, gateway) = try await onOwnThread {
            (
                try DevelopmentIssuer(issuer: "https://idp.acme.example", audience: Self.vault),
                try DevelopmentIssuer(issuer: "https://agents.acme.example", audience: Self.vault),
                try AssertingGateway()
            )
        }
        let files = ExchangeFiles(
            directory: directory, devices: try devices ?? [.softHSM()], additions: additions)
        try files.write(users: users, agents: agents, gateway: gateway.keys)
        self.gateway = gateway
        let source = try ConfigurationBundle.load(file: directory + "/config.yaml")
        let settings = files.coreSettings(source.configuration)
        _ = try await DevelopmentGenesis(
            settings: settings, clock: clock,
            random: { count in (0..<count).map { _ in UInt8.random(in: .min ... .max) } }
        ).run { _ in }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var timing = HSMGroup.Timing()
        timing.grace = .seconds(60)
        core = try await VaultCore.start(
            settings: settings, logger: logger, clock: clock, instance: "test", timing: timing, onFatal: { _ in })
        OpenCores.add(core)
        let bundle = try Bundle(source, cache: VerificationCache())
        _ = try await core.append(bundle.loadedEntry)
        keys = KeyDirectory(issuer: source.configuration.issuer)
        keys.update(core.description)
        let authenticator = try ClientAuthenticator(
            issuer: Self.vault, externalURL: source.configuration.listeners.gateway.externalURL,
            started: clock().adding(seconds: -3600), replayEntries: 100_000, metrics: MetricsRegistry())
        revocations = RevocationView(clock: clock)
        try await revocations.replay(core)
        service = ExchangeService(
            core: core, keys: keys, bundles: BundleStore(bundle), revocations: revocations,
            authenticator: authenticator,
            metrics: ExchangeMetrics(MetricsRegistry()),
            refusals: RefusalLog(logger), clock: clock,
            newJWTID: {
                var generator = SystemRandomNumberGenerator()
                return JWTID.random(using: &generator)
            }, patience: .seconds(60))
        self.users = users
        self.agents = agents
        self.clock = clock
        authority = try DevelopmentPKI(now: clock())
        logDirectory = settings.logDirectory
    }

    var now: UnixTime { clock() }

    /// The service of a front whose clock differs from the core's by so many seconds, or that knows other revocations.
    func service(clockOffset: Int64 = 0, revocations: RevocationView? = nil) -> ExchangeService {
        let clock = clock
        return ExchangeService(
            core: service.core, keys: service.keys, bundles: service.bundles,
            revocations: revocations ?? self.revocations,
            authenticator: service.authenticator,
            metrics: service.metrics, refusals: service.refusals, clock: { clock().adding(seconds: clockOffset) },
            newJWTID: service.newJWTID, patience: service.patience)
    }

    /// The service of a front that knows of other revocations.
    func service(revocations view: RevocationView) -> ExchangeService {
        ExchangeService(
            core: service.core, keys: service.keys, bundles: service.bundles, revocations: view,
            authenticator: service.authenticator, metrics: service.metrics, refusals: service.refusals,
            clock: service.clock, newJWTID: service.newJWTID, patience: service.patience)
    }

    /// A client certificate with one SPIFFE id, valid from `time` on, or from now.
    func certificate(_ name: String = gatewayName, madeAt time: UnixTime? = nil) throws -> PeerCertificate {
        let credential = try authority.clientCredential(spiffeID: name, commonName: "test", now: time ?? now)
        return try PeerCertificate(der: try PEMDocument(pemString: credential.certificatePEM).derBytes)
    }

    func userToken(
        _ subject: String = "alice", groups: [String] = ["sales"], lifetime: Int64 = 300,
        algorithm: DevelopmentKey.Algorithm = .es256, changing: [JSONObject.Member] = []
    ) throws -> String {
        try users.userToken(
            subject: subject, groups: groups, now: now, jwtID: UUID().uuidString, lifetime: lifetime,
            algorithm: algorithm, changing: changing)
    }

    func agentToken(
        _ subject: String = "sales-assistant", lifetime: Int64 = 300, changing: [JSONObject.Member] = []
    ) throws -> String {
        try agents.agentToken(
            subject: subject, now: now, jwtID: UUID().uuidString, lifetime: lifetime, changing: changing)
    }

    /// The entries of the log, oldest first.
    func entries() throws -> [Entry] {
        var entries: [Entry] = []
        try LogReader(directory: logDirectory).forEach(in: 0..<UInt64.max) { (_, bytes) throws(AuditLogError) in
            entries.append(try Entry(jsonBytes: bytes))
        }
        return entries
    }
}
