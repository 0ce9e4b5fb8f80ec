import AuditLog
import Crypto
import Minting
import StrictEncoding

/// What is known of one exchange so far: becomes the entry of its mint or of its denial.
struct ExchangeRecord: Sendable {
    private var entry: Entry
    /// Ties answer, log line and entry together; the `txn` of a token.
    let requestID: String
    /// The same for a request that is made again; see `SignRequest.turn`.
    private(set) var turn: UInt64 = 0

    /// A record of one request under one configuration bundle.
    init(requestID: String, bundle: String, peer: PeerCertificate?) {
        self.requestID = requestID
        entry = Entry(kind: .denied)
        entry.requestID = requestID
        entry.bundle = bundle
        entry.peer = peer?.fingerprint
    }

    /// The client has proved itself.
    mutating func add(_ principal: Principal) { entry.client = principal.client }

    /// The form could be read: who comes back after Retry-After sends the same, but proves itself anew.
    mutating func add(_ form: FormParameters) {
        var hasher = Hasher()
        hasher.combine(entry.client)
        for parameter in form.parameters where !parameter.name.hasPrefix("client_assertion") {
            hasher.combine(parameter.name)
            hasher.combine(parameter.value.count)
            // Safety: the bytes are read during the call alone; byte by byte a token would take as long as its signature's check.
            unsafe parameter.value.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        }
        turn = max(1, UInt64(bitPattern: Int64(hasher.finalize())))
    }

    /// The request could be read: what it asks for, in its own words, which are bounded and plain by now.
    mutating func add(_ request: RequestedAccess) {
        entry.requestedScope = request.scope?.joined(separator: " ")
        if let invocation = request.authorizationDetails { Self.add(invocation, to: &entry) }
    }

    private static func add(_ invocation: ToolInvocation, to entry: inout Entry) {
        entry.tool = invocation.tool
        entry.actions = invocation.actions.isEmpty ? nil : invocation.actions
        entry.locations = invocation.locations.isEmpty ? nil : invocation.locations
        entry.identifier = invocation.identifier
        entry.argumentsSHA256 = invocation.argumentsSHA256
    }

    /// The target was found.
    mutating func add(_ target: TargetDirectory.Target) { entry.target = target.name }

    /// The user was proven, or the client that asks for itself; it may have passed through actors already.
    mutating func add(user subject: String, issuer: String, actors: [VerifiedToken.Party] = []) {
        entry.user = .init(iss: issuer, sub: subject)
        set(actors: actors)
    }

    /// Who acts, the current actor first (RFC 8693 section 4.1).
    mutating func set(actors: [VerifiedToken.Party]) {
        entry.actors = actors.isEmpty ? nil : actors.map { .init(iss: $0.issuer, sub: $0.subject) }
    }

    /// What every entry of this request says.
    var base: Entry { entry }

    /// The entry of a refusal.
    func denied(_ refusal: ExchangeRefusal) -> Entry {
        var entry = entry
        entry.code = refusal.error.code.rawValue
        entry.reason = refusal.reason
        entry.ruleID = refusal.rule
        return entry
    }

    /// The entry of a mint: says what the token will say, and the digest of exactly the bytes that are signed.
    func mint(_ token: UnsignedJWS, plan: MintPlan, rule: String) -> Entry {
        var entry = entry
        entry.kind = .mint
        entry.ruleID = rule
        entry.tokenKind = plan.kind.rawValue
        entry.audience = plan.facts.audience
        if plan.kind == .federation { entry.subject = plan.claims["sub"]?.string.map { .init(iss: nil, sub: $0) } }
        // What a token that is handed on was for stands in the one made of it, asked for or not.
        if let invocation = plan.facts.authorizationDetails { Self.add(invocation, to: &entry) }
        entry.grantedScope = plan.claims["scope"]?.string
        entry.kid = plan.key.kid
        entry.jti = plan.facts.jti
        entry.iat = plan.facts.issuedAt
        entry.exp = plan.facts.expiry
        entry.txn = plan.facts.txn
        entry.inputSHA256 = Base64URL.string(Array(SHA256.hash(data: token.signingInput)))
        return entry
    }
}
