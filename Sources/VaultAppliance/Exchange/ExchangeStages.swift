import AuditLog
package import CoreProtocol
import Minting
import Policy
package import StrictEncoding

/// What the stages of an exchange cost by themselves: each is run alone, on the types that serve requests.
///
/// Production code is not measured from within: it pays nothing for being measurable.
package struct ExchangeStages {
    /// A stage and its processor time.
    package struct Figure: Sendable {
        package let stage: String
        package let microseconds: Double

        /// What a stage took.
        package init(stage: String, microseconds: Double) {
            self.stage = stage
            self.microseconds = microseconds
        }
    }

    private let bundle: Bundle
    private let freshBundle: Bundle
    private let keys: KeyDirectory
    private let authenticator: ClientAuthenticator
    private let revocations: RevocationView
    private let metrics: ExchangeMetrics
    private let peer: PeerCertificate
    private let clock: @Sendable () -> UnixTime
    private let newJWTID: @Sendable () -> String

    /// Stages as the configuration has them, with the keys of `description`, for the client of a certificate (DER).
    package init(
        _ source: ConfigurationBundle, description: CoreDescription, certificate: [UInt8],
        clock: @escaping @Sendable () -> UnixTime, newJWTID: @escaping @Sendable () -> String
    ) throws {
        let registry = MetricsRegistry()
        bundle = try Bundle(source, cache: VerificationCache())
        freshBundle = try Bundle(source, cache: VerificationCache(capacity: 0))
        keys = KeyDirectory(issuer: source.configuration.issuer)
        keys.update(description)
        authenticator = try ClientAuthenticator(
            issuer: source.configuration.issuer, externalURL: source.configuration.listeners.gateway.externalURL,
            started: clock(), replayEntries: source.configuration.limits.replayEntries, metrics: registry)
        revocations = RevocationView(clock: clock, isCurrent: true)
        metrics = ExchangeMetrics(registry)
        peer = try PeerCertificate(der: certificate)
        self.clock = clock
        self.newJWTID = newJWTID
    }

    /// Runs each stage for every body, `rounds` times; also returns what the core would be asked to sign.
    package func measure(
        _ bodies: [[UInt8]], rounds: Int
    ) throws -> (figures: [Figure], requests: [SignRequest]) {
        let steps = try bodies.map { try Step($0, self) }
        let patience = Issuance.patience
        let requests = try steps.map { step in
            let plan = try step.plan()
            let unsigned = plan.unsigned
            return SignRequest(
                kid: plan.key.kid, entry: step.record.mint(unsigned, plan: plan, rule: "bench"),
                input: unsigned.signingInput, patience: patience)
        }
        let tokens = try steps.map { step in
            IssuedToken(
                token: try step.plan().unsigned.compact(signature: [UInt8](repeating: 1, count: 64)), leaf: 1_000_000,
                plan: try step.plan(), tokenType: "Bearer")
        }
        let figures = [
            try figure("form and client authentication", steps, rounds) { try $0.authenticate() },
            try figure("the request read", steps, rounds) { try $0.read() },
            try figure("inbound tokens that come again", steps, rounds) { try $0.resolve(bundle) },
            try figure("inbound tokens, each fresh", steps, rounds) { try $0.resolve(freshBundle) },
            try figure("target, revocations and policy", steps, rounds) { try $0.authorise() },
            try figure("claims, token and entry made", steps, rounds) { step in
                let plan = try step.plan()
                _ = step.record.mint(plan.unsigned, plan: plan, rule: "bench")
            },
            try figure("the answer made", tokens, rounds) { _ = $0.answer(as: .accessToken, receipt: nil).response },
        ]
        return (figures, requests)
    }

    /// The processor time of one run of `work`, on this thread.
    private func figure<Subject>(
        _ stage: String, _ subjects: [Subject], _ rounds: Int, _ work: (Subject) throws -> Void
    ) throws -> Figure {
        for subject in subjects { try work(subject) }
        let start = ProcessorTime.thread
        for _ in 0..<rounds {
            for subject in subjects { try work(subject) }
        }
        let spent = Double(ProcessorTime.thread - start) / 1000
        return Figure(stage: stage, microseconds: spent / Double(rounds * subjects.count))
    }

    /// One request with what each stage finds done when its turn comes.
    private struct Step {
        let stages: ExchangeStages
        let request: GatewayRequest
        let form: FormParameters
        let principal: Principal
        let asked: TokenRequest
        let target: TargetDirectory.Target
        let issuance: Issuance
        let access: BoundedAccess
        let scopes: [String]
        let key: KeyDirectory.ActiveKey
        let record: ExchangeRecord

        init(_ body: [UInt8], _ stages: ExchangeStages) throws {
            self.stages = stages
            request = GatewayRequest(
                path: "/oauth2/token", bodyBytes: body, contentType: nil, peer: stages.peer,
                requestID: RequestID.random(), remoteAddress: "127.0.0.1", deadline: .now)
            form = try FormParameters(parsing: body)
            principal = try stages.authenticator.authenticate(
                request, form, in: stages.bundle.clients, now: stages.clock())
            asked = try TokenRequest(form)
            var record = ExchangeRecord(requestID: request.requestID, bundle: stages.bundle.hash, peer: stages.peer)
            record.add(principal)
            record.add(asked.access)
            let delegation = try Self.resolver(stages, stages.bundle, principal).resolve(asked.grant, &record)
            target = try stages.bundle.targets.resolve(asked.access, assertedResources: delegation.resources)
            record.add(target)
            self.record = record
            issuance = Issuance(
                core: NoCore(), keys: stages.keys, metrics: stages.metrics, newName: stages.newJWTID,
                bundle: stages.bundle, revocations: stages.revocations, principal: principal, delegation: delegation,
                now: stages.clock(), patience: Issuance.patience)
            access = try BoundedAccess(asked.access, within: delegation)
            scopes = try issuance.authorise(access, target).scopes
            guard let key = stages.keys.route(label: target.key).first else { throw ExchangeRefusal.key(target.key) }
            self.key = key
        }

        func authenticate() throws {
            let form = try FormParameters(parsing: request.bodyBytes)
            _ = try stages.authenticator.authenticate(
                request, form, in: stages.bundle.clients, now: stages.clock())
        }

        func read() throws { _ = try TokenRequest(form) }

        func resolve(_ bundle: Bundle) throws {
            var record = record
            _ = try Self.resolver(stages, bundle, principal).resolve(asked.grant, &record)
        }

        func authorise() throws {
            let target = try stages.bundle.targets.resolve(asked.access, assertedResources: [])
            _ = try issuance.authorise(try BoundedAccess(asked.access, within: issuance.delegation), target)
        }

        func plan() throws -> MintPlan {
            try issuance.plan(
                scopes, lifetime: 60, access, target, key: key, jti: stages.newJWTID(), receipt: nil,
                txn: request.requestID)
        }

        private static func resolver(
            _ stages: ExchangeStages, _ bundle: Bundle, _ principal: Principal
        ) -> DelegationResolver {
            DelegationResolver(
                bundle: bundle, keys: stages.keys, authenticator: stages.authenticator,
                revocations: stages.revocations, principal: principal, peer: stages.peer, now: stages.clock())
        }
    }
}

/// A core that nobody reaches: the stages that are measured in the front ask it nothing.
private struct NoCore: CoreService {
    private let absence = CoreError(.unreachable, "there is no core here")

    func describe() async throws(CoreError) -> CoreDescription { throw absence }
    func sign(_ request: SignRequest) async throws(CoreError) -> SignedRecord { throw absence }
    func append(_ entry: Entry) async throws(CoreError) -> UInt64 { throw absence }
    func read(_ request: ReadRequest) async throws(CoreError) -> LiveEntries { throw absence }
    func tlsSign(key kid: String, data: [UInt8]) async throws(CoreError) -> [UInt8] { throw absence }
    func open(_ request: OpenRequest) async throws(CoreError) -> OpenedSecret { throw absence }
    func witnessRequest(_ request: WitnessRequest) async throws(CoreError) -> [UInt8]? { throw absence }
    func witnessAnswered(_ answer: WitnessAnswer) async throws(CoreError) -> Witnesses.Verdict { throw absence }
}
