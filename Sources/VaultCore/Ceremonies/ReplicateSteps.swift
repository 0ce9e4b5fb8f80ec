import Custody
import HSMBridge
import StrictEncoding
import Synchronization

extension CoreCeremony {
    /// `replicate`: another token with keys of its own, which opens what was sealed before.
    func replicateSteps(_ plan: ReplicatePlan) throws -> [CeremonyStep] {
        for purpose in [ManifestKey.Purpose.checkpoint, .kek]
        where plan.keys.filter({ $0.purpose == purpose }).count != 1 {
            throw CustodyError(.unsupported, "keys: a token needs exactly one \(purpose.rawValue) key of its own")
        }
        let new = Replica(ceremony: self, plan: plan)
        let officer = plan.token.securityOfficer == .burn ? [new.officerStep] : []
        return [new.custodiansStep, new.pinStep, new.tokenStep, new.keysStep]
            + manifestSteps(beforeInstallation: [new.sealStep]) { next in try new.add(to: &next) }
            + [secretsStep(isUndone: false), new.openStep] + officer
    }
}

/// The token that a ceremony adds.
struct Replica: Sendable {
    /// The PIN of a token that is on its way into service, sealed under the secret of the epoch.
    static let pinFile = "pin.json"
    private static let tokenFile = "token.json"
    private static let mark = "token.begun.json"
    /// Names the PIN before the token has said its serial number.
    private static let pending = "pending"

    let ceremony: CoreCeremony
    let plan: ReplicatePlan

    var core: VaultCore { ceremony.core }
    private var token: PlannedToken { plan.token }
    private var child: TokenChild { ceremony.equipment.child }
    var epoch: Int64 { ceremony.base.activation?.epoch ?? 0 }

    /// Ready once enough custodians have contributed in this process.
    func ready() async throws -> CeremonyStep.Readiness {
        guard
            let wait = try await ceremony.waitForSecret(
                try ceremony.chainInForce(),
                "compare the words, then contribute: the PIN of the new token is sealed under the epoch's secret")
        else { return .ready }
        return .waiting(wait)
    }

    var custodiansStep: CeremonyStep {
        CeremonyStep(
            name: "custodians", title: "Have custodians contribute their shares, so that a PIN can be sealed",
            role: .custodians, check: { try await ready() }, act: {},
            verify: {
                guard ceremony.memory.withLock({ $0.secret }) != nil else { return nil }
                return ["contributed": .array(ceremony.memory.withLock { $0.contributors }.map { .string($0) })]
            })
    }

    /// Before the token knows its PIN, the custodians can say it.
    var pinStep: CeremonyStep {
        CeremonyStep(
            name: "pin", title: "Choose the token's PIN and seal it", check: { try await ready() },
            act: {
                var sealed = WrappedPINs(appliance: ceremony.base.appliance, epoch: epoch)
                try sealed.wrap(try await choosePIN(), serial: Replica.pending, under: try ceremony.secret())
                try PrivateFile.replace("\(ceremony.directory.work)/\(Replica.pinFile)", sealed.bytes, mode: 0o600)
            },
            verify: {
                guard let sealed = try? sealedPIN(), sealed.serials == [Replica.pending] else { return nil }
                return ["pin": .string(token.userPIN.rawValue), "epoch": .integer(epoch)]
            }, undo: { try ceremony.forget(Replica.pinFile) })
    }

    private func choosePIN() async throws -> LockedBytes {
        switch (token.preparation, token.userPIN) {
        case (.initialise, _): return try Genesis.randomPIN(longest: 32)
        case (.adopt, .keep): return try givenPIN()
        case (.adopt, .replace):
            // The optimiser of Swift 6.3 cannot compile a try within an array in a function that waits.
            let given = try givenPIN()
            let report = try await child.run(.examine(uri: token.uri), module: token.module, secrets: [given])
            return try Genesis.randomPIN(longest: report.maximumPINLength)
        }
    }

    private func givenPIN() throws -> LockedBytes {
        guard let file = token.pinFile else {
            throw CustodyError(.fileRefused, "token.pin_file: is missing; the core asks nobody for a PIN")
        }
        return try PrivateFile.readLine(file)
    }

    private func officerPIN() throws -> LockedBytes {
        guard let file = token.soPINFile else { throw CustodyError(.fileRefused, "token.so_pin_file: is missing") }
        return try PrivateFile.readLine(file)
    }

    private func sealedPIN() throws -> WrappedPINs {
        try WrappedPINs(file: try PrivateFile.readPublic("\(ceremony.directory.work)/\(Replica.pinFile)"))
    }

    /// The PIN that the token has, or will have.
    func pin() throws -> LockedBytes { try sealedPIN().unwrap(serial: Replica.pending, under: try ceremony.secret()) }

    var tokenStep: CeremonyStep {
        CeremonyStep(
            name: "token",
            title: token.preparation == .adopt
                ? "Take the token over, and see that it is empty" : "Initialise the token",
            check: { try await ready() },
            act: {
                if token.preparation == .adopt { try await adopt() } else { try await initialise() }
            }, verify: { try await evidenceOfToken() },
            leaves: "the new token has a PIN that nobody knows: its owner initialises it")
    }

    /// Works on the token while this process does not have its library: some show new PINs and tokens only when they are
    /// started anew.
    private func outside(_ work: () async throws -> TokenTaskReport) async throws {
        let made = Mutex<TokenTaskReport?>(nil)
        try await core.hsms.whileReleased(library: token.module) {
            let report = try await work()
            made.withLock { $0 = report }
            return [:]
        }
        if let report = made.withLock({ $0 }) { try keep(report) }
    }

    private func adopt() async throws {
        let (child, token, pin) = (child, token, try pin())
        let isRetry = try ceremony.wasBegun("token", times: 2)
        try await outside {
            do throws(HSMError) {
                let given = try givenPIN(of: token)
                let report = try await child.run(.examine(uri: token.uri), module: token.module, secrets: [given])
                try demandEmpty(report)
                guard token.userPIN == .replace else { return report }
                return try await child.run(.changeUserPIN(uri: token.uri), module: token.module, secrets: [given, pin])
            } catch {
                // Where somebody died after the change the token has the new one already.
                guard error.code == .pinRefused, token.userPIN == .replace, isRetry else { throw error }
                let report = try await child.run(.examine(uri: token.uri), module: token.module, secrets: [pin])
                try demandEmpty(report)
                return report
            }
        }
    }

    private func givenPIN(of token: PlannedToken) throws(HSMError) -> LockedBytes {
        do {
            return try givenPIN()
        } catch {
            throw HSMError(.pinFileRefused, function: nil, returnValue: nil, context: "\(error)")
        }
    }

    private func demandEmpty(_ report: TokenTaskReport) throws(HSMError) {
        guard let object = report.objects?.first else { return }
        throw HSMError(
            .keyRefused, function: nil, returnValue: nil,
            context: "the token \(report.label) holds \(report.objects?.count ?? 0) objects, such as "
                + "\(object.kind.rawValue) \"\(object.label.prefix(64))\": have it initialised, and find out who put them there"
        )
    }

    private func initialise() async throws {
        let begun = try beginInitialisation()
        try await outside { try await initialise(begun) }
    }

    private struct Initialisation {
        let label: String
        let secrets: [LockedBytes]
        /// Whether the ceremony began with it before, and died over it.
        let isRetry: Bool
    }

    private func beginInitialisation() throws -> Initialisation {
        guard let label = try TokenURI(token.uri).token else {
            throw CustodyError(
                .malformed, "token.token: must name the label that the token gets, like pkcs11:token=vault-b")
        }
        let begun = Initialisation(
            label: label, secrets: [try officerPIN(), try pin()],
            isRetry: ceremony.directory.exists("\(ceremony.directory.work)/\(Replica.mark)"))
        try ceremony.write(Replica.mark, [:])
        return begun
    }

    /// Only a token that this very ceremony began to initialise, and died over, is initialised again.
    private func initialise(_ begun: Initialisation) async throws -> TokenTaskReport {
        let refusal: HSMError
        do {
            return try await child.run(.initialise(label: begun.label), module: token.module, secrets: begun.secrets)
        } catch {
            refusal = error
        }
        guard refusal.code == .labelTaken else { throw refusal }
        guard begun.isRetry else {
            try ceremony.forget(Replica.mark)
            throw refusal
        }
        return try await child.run(
            .initialiseAgain(uri: token.uri, label: begun.label), module: token.module, secrets: begun.secrets)
    }

    private func keep(_ report: TokenTaskReport) throws {
        guard !ceremony.base.tokens.contains(where: { $0.serial == report.serial }) else {
            throw CustodyError(.repeated, "the manifest names the token with serial \(report.serial) already")
        }
        try ceremony.write(
            Replica.tokenFile,
            [
                "label": .string(report.label), "serial": .string(report.serial),
                "model": .string("\(report.manufacturer) \(report.model)"),
            ])
    }

    /// The token as it said of itself; nil before.
    func found() throws -> ManifestToken? {
        guard let json = try ceremony.read(Replica.tokenFile) else { return nil }
        var reader = try ObjectReader(json)
        return ManifestToken(
            label: try reader.string("label"), serial: try reader.string("serial"), model: try reader.string("model"),
            keyEncryptionKey: nil)
    }

    /// Names the token for good.
    func uri() throws -> TokenURI {
        guard let found = try found() else { throw CustodyError(.wrongState, "the token is not there yet") }
        return try TokenURI(token.uri).pinned(serial: found.serial)
    }

    private func evidenceOfToken() async throws -> JSONObject? {
        guard let found = try found(), ceremony.memory.withLock({ $0.secret }) != nil else { return nil }
        let report = try await child.run(
            .examine(uri: try uri().description), module: token.module, secrets: [try pin()])
        try demandEmpty(report)
        return [
            "token": .string(found.serial), "label": .string(found.label), "model": .string(found.model), "objects": 0,
            "pin": .string(token.userPIN.rawValue), "opens_in_a_fresh_process": true,
        ]
    }
}
