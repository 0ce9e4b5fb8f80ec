import AuditLog
import Custody
import HSMBridge
import StrictEncoding

/// What a ceremony in the core is rehearsed on: throw-away tokens that hold keys like those of a manifest, in the same
/// states, under throw-away custodians with an epoch of their own.
struct RehearsalGround: Sendable {
    /// How long before the rehearsal its keys came into their states, in seconds: every waiting time is over.
    private static let age: Int64 = 400 * 86_400

    let place: RehearsalPlace
    let child: TokenChild
    /// The appliance's settings, with everything in the place.
    private(set) var settings: CoreSettings
    /// The only manifest there is.
    private(set) var manifest: Manifest
    let custodians: [RehearsalStandIn]
    let shares: [Share]
    /// Serial numbers and thumbprints of the throw-away, by those that they stand in for.
    private(set) var serials: [String: String] = [:]
    private(set) var kids: [String: String] = [:]

    private let host: SSHPrivateKey
    private var pins: WrappedPINs
    private let secret: LockedBytes

    /// Makes people and directories; no token yet.
    init(_ base: Manifest, settings real: CoreSettings, place: RehearsalPlace, now: UnixTime) throws {
        self.place = place
        child = TokenChild()
        custodians = try base.custodians.map { try RehearsalStandIn($0.name) }
        let custody = CustodyDirectory(path: "\(place.path)/custody")
        try custody.create()
        host = try custody.createHostKey()
        let epoch = base.activation?.epoch ?? 1
        secret = try LockedBytes.random(count: Share.secretLength)
        shares = try Share.make(
            of: secret, appliance: base.appliance, epoch: UInt32(epoch), threshold: Int(base.threshold),
            count: custodians.count)
        pins = WrappedPINs(appliance: base.appliance, epoch: epoch)
        manifest = base
        settings = real
        moveSettings(to: custody)
        (manifest.version, manifest.previous, manifest.signatures) = (1, nil, [])
        manifest.created = now.adding(seconds: -RehearsalGround.age)
        manifest.hostKey = host.publicKey.line
        manifest.custodians = custodians.map { $0.person(isCustodian: true) }
        manifest.approvers = try base.approvers.map { try RehearsalStandIn($0.name).person(isCustodian: false) }
        // Nobody starts it again.
        (manifest.dials.unattendedStart, manifest.dials.restartGrace) = (false, 0)
        manifest.activation = .init(
            epoch: epoch,
            shares: zip(custodians, shares).map {
                .init(custodian: $0.name, index: Int64($1.index), commitment: $1.commitment)
            })
    }

    private mutating func moveSettings(to custody: CustodyDirectory) {
        settings.custodyDirectory = custody.path
        settings.manifestFile = custody.manifests
        settings.logDirectory = "\(place.path)/log"
        settings.logOptions = AuditLogOptions()
        settings.logOptions.segmentBytes = 1 << 20
        settings.headroom = 0
        (settings.witnesses, settings.onCallFile) = ([], nil)
        for index in settings.keys.indices {
            settings.keys[index].algorithm = RehearsalPlace.playable(settings.keys[index].algorithm)
        }
    }

    /// Makes the tokens and their keys, and puts the manifest in force; afterwards a core can start.
    mutating func build(_ plan: CeremonyPlan) async throws {
        let base = manifest
        var opened: [(real: String, uri: TokenURI, pin: LockedBytes)] = []
        manifest.tokens = []
        for (index, token) in base.tokens.enumerated() {
            let isTaken = base.tokens[..<index].contains { $0.label == token.label }
            let label = isTaken ? "rehearsal-\(index + 1)" : token.label
            let pin = try Genesis.randomPIN(longest: 32)
            // All tokens before the library is loaded here: it shows those alone that it has found then.
            let report = try await child.run(
                .initialise(label: label), module: place.module, secrets: [try Genesis.randomPIN(longest: 32), pin])
            try pins.wrap(pin, serial: report.serial, under: secret)
            serials[token.serial] = report.serial
            opened.append((token.serial, TokenURI(label: label).pinned(serial: report.serial), pin))
            manifest.tokens.append(
                ManifestToken(
                    label: report.label, serial: report.serial, model: "\(report.manufacturer) \(report.model)",
                    keyEncryptionKey: nil))
        }
        settings.tokens = try configured(base, opened.map { ($0.real, $0.uri) })
        try await makeKeys(base, opened)
        try await putInForce(plan)
    }

    /// The tokens of the configuration that the manifest names.
    private func configured(
        _ base: Manifest, _ tokens: [(real: String, uri: TokenURI)]
    ) throws -> [CoreSettings.Token] {
        try settings.tokens.compactMap { configured in
            let uri = try TokenURI(configured.uri)
            let token = base.tokens.first {
                (uri.serial == nil || uri.serial == $0.serial) && (uri.token == nil || uri.token == $0.label)
            }
            guard let token, let place = tokens.first(where: { $0.real == token.serial }) else { return nil }
            return self.configured(configured, place.uri)
        }
    }

    private func configured(_ token: CoreSettings.Token, _ uri: TokenURI) -> CoreSettings.Token {
        var token = token
        (token.module, token.uri) = (place.module, uri.description)
        return token
    }

    /// Adds the token that a ceremony brings, where the appliance's configuration names it already.
    mutating func configure(_ token: PlannedToken, as real: PlannedToken, in configuration: CoreSettings) {
        for configured in configuration.tokens where configured.module == real.module && configured.uri == real.uri {
            var place = configured
            (place.module, place.uri) = (token.module, token.uri)
            settings.tokens.append(place)
        }
    }

    private mutating func makeKeys(
        _ base: Manifest, _ tokens: [(real: String, uri: TokenURI, pin: LockedBytes)]
    ) async throws {
        for (index, token) in tokens.enumerated() {
            let hsm = try await HSM.open(modulePath: place.module, token: token.uri, pin: try PIN(token.pin))
            do {
                for (number, key) in base.keys.enumerated() where key.token == token.real {
                    manifest.keys[number].token = hsm.profile.info.serial
                    guard key.state != .destroyed else { continue }
                    let planned = PlannedKey(
                        label: key.label, purpose: key.purpose, algorithm: key.algorithm, gate: key.gate)
                    manifest.keys[number] = try await RehearsalPlace.playable(planned).make(on: hsm)
                    manifest.keys[number].state = key.state
                    kids[key.kid] = manifest.keys[number].kid
                    if key.purpose == .kek, key.state == .active {
                        manifest.tokens[index].keyEncryptionKey = manifest.keys[number].jwk
                    }
                }
                _ = await hsm.shutdown()
            } catch {
                _ = await hsm.shutdown()
                throw error
            }
        }
    }

    private mutating func putInForce(_ plan: CeremonyPlan) async throws {
        for person in custodians.prefix(Int(manifest.threshold)) {
            manifest.signatures.append(try person.sign(manifest.bodyBytes, .manifest))
        }
        let custody = CustodyDirectory(path: settings.custodyDirectory ?? "")
        try custody.add(manifest)
        try custody.add(pins)
        let created = manifest.created
        let recorder = CeremonyRecorder(plan, settings: settings, clock: { created })
        try await recorder.installed(manifest)
        await recorder.close()
    }
}
