import Crypto
package import Minting
package import StrictEncoding

/// Who calls, and proof of it: the one way in for every endpoint of the gateway listener.
///
/// Nothing is used up before everything has been verified: a client whose proof lacks our nonce may send its assertion
/// again with the next one.
package struct ClientAuthenticator: Sendable {
    private let verifier: ClientAssertionVerifier
    private let externalURL: String
    private let started: UnixTime
    private let nonces = DPoPNonces()
    let replays: ReplayCache
    private let metrics: ClientMetrics

    /// An authenticator for one issuer, reached at one address.
    ///
    /// `started` is when this process began to remember what was used: nothing made before it is accepted.
    package init(
        issuer: String, externalURL: String, started: UnixTime, replayEntries: Int, metrics: MetricsRegistry
    ) throws(MintingError) {
        verifier = try ClientAssertionVerifier(issuer: issuer)
        self.externalURL = externalURL
        self.started = started
        let replays = ReplayCache(capacity: replayEntries)
        self.replays = replays
        self.metrics = ClientMetrics(metrics, replays)
    }

    /// The client of a request, by the one credential it presents, and the key it proves to hold, if it does.
    func authenticate(
        _ request: GatewayRequest, _ form: FormParameters, in clients: ClientDirectory, now: UnixTime
    ) throws(ExchangeRefusal) -> Principal {
        let credential = try PresentedCredential(request, form, clients)
        let client: String
        var assertion: ClientAssertion?
        switch credential {
        case .certificate: client = try clients.authenticate(request.peer, now: now).client
        case .assertion(let bytes):
            let verified = try verify(bytes, clients, now)
            assertion = verified
            client = verified.clientID
        }
        try Self.checkClientID(form, client)
        let proof = try proof(of: request, now)
        if let assertion {
            try consume(
                .init(.assertion, issuer: client, identifier: assertion.jti), of: client, assertion.acceptableUntil, now
            ) {
                .client("client_assertion: its jti was used before")
            }
        }
        if let proof {
            try consume(
                .init(.proof, issuer: proof.thumbprint, identifier: proof.jti), of: client, proof.acceptableUntil, now
            ) {
                .proof("its jti was used before")
            }
        }
        metrics.authenticated(assertion == nil ? .tlsClientAuth : .privateKeyJWT, hasProof: proof != nil)
        let certificate = request.peer.flatMap { $0.isValid(at: now) ? $0.thumbprint : nil }
        return Principal(client: client, thumbprint: certificate, keyThumbprint: proof?.thumbprint)
    }

    /// The answer to a request, with our nonce for the next proof where one came (RFC 9449 section 8.2).
    ///
    /// A 401 has a challenge (RFC 9110 section 15.5.2), of the scheme that the client tried (RFC 6749 section 5.2), although
    /// no `Authorization` proves a client here.
    package func finished(_ response: GatewayResponse, for request: GatewayRequest, now: UnixTime) -> GatewayResponse {
        var response = response
        if response.status == 401 {
            let scheme = request.authorizationScheme ?? "Basic"
            response.headers.append(("WWW-Authenticate", "\(scheme) realm=\"clients\""))
        }
        guard !request.dpop.isEmpty else { return response }
        response.headers.append(("DPoP-Nonce", nonces.current(now: now)))
        return response
    }

    /// A `client_id` beside a credential must name the client that the credential does (RFC 7521 section 4.2).
    private static func checkClientID(_ form: FormParameters, _ client: String) throws(ExchangeRefusal) {
        let value: [UInt8]?
        do {
            value = try form.optional("client_id")
        } catch {
            throw ExchangeRefusal(error)
        }
        guard value?.elementsEqual(client.utf8) ?? true else {
            throw .client("client_id is not the client that the credential proves")
        }
    }

    private func verify(
        _ assertion: [UInt8], _ clients: ClientDirectory, _ now: UnixTime
    ) throws(ExchangeRefusal) -> ClientAssertion {
        let verified: ClientAssertion
        do {
            verified = try verifier.verify(assertion, now: now, client: clients.assertionClient)
        } catch {
            throw .client("client_assertion: \(error)")
        }
        // Its maker's clock may be ahead by the skew: what says it is from after the start may be from before it.
        let skew = clients.assertionClient(verified.clientID)?.clockSkew ?? Issuer.maximumClockSkew
        try checkStart("client_assertion", issuedAt: verified.issuedAt, skew: skew, now) {
            .client("client_assertion: was issued before this front started")
        }
        return verified
    }

    /// How long what was made while the start was near may be on its way here, in seconds.
    private static let journey: Int64 = 5

    /// Refuses what may have been used before the start, and asks for a later one where its maker could not know.
    private func checkStart(
        _ what: String, issuedAt: Int64, skew: Int64, _ now: UnixTime, _ refusal: () -> ExchangeRefusal
    ) throws(ExchangeRefusal) {
        // The start was some time within its second, so that second counts as before it.
        let earliest = started.seconds + skew + 1
        guard issuedAt < earliest else { return }
        let isOnItsWay = issuedAt >= started.seconds && now.seconds < earliest + Self.journey
        guard now.seconds < earliest || isOnItsWay else { throw refusal() }
        throw .justStarted(what, retryAfter: Int(clamping: max(1, earliest - now.seconds)))
    }

    /// The proof of a request, verified; nil when it has none.
    ///
    /// Our nonce must be in it. The key of nonces is as old as this process, so a proof from before the start is refused.
    private func proof(of request: GatewayRequest, _ now: UnixTime) throws(ExchangeRefusal) -> DPoPProof? {
        guard let field = request.dpop.first else { return nil }
        guard request.dpop.count == 1 else { throw .proof("there are several DPoP fields") }
        let proof: DPoPProof
        do {
            proof = try DPoPProof(
                verifying: Array(field.utf8), method: "POST", target: externalURL + request.path, now: now)
        } catch {
            throw .proof("\(error)")
        }
        guard let nonce = proof.nonce else { throw .nonce("the proof has no nonce") }
        guard nonces.accepts(nonce, now: now) else { throw .nonce("its nonce is not ours, or too old") }
        return proof
    }

    /// Uses up a partner's identity assertion; refuses one that was used before, or could have been before our start.
    ///
    /// Source: RFC 7523 section 3, item 7.
    func redeem(
        _ assertion: RedeemedAssertion, by client: String, clockSkew: Int64, now: UnixTime
    ) throws(ExchangeRefusal) {
        // The partner's clock may be ahead by so much: what says it is from after the start may be from before it.
        try checkStart("assertion", issuedAt: assertion.issuedAt, skew: clockSkew, now) {
            .assertion("was issued before this front started")
        }
        let use = ReplayCache.Use(.grant, issuer: assertion.token.issuer, identifier: assertion.jti)
        // A reload may allow more skew; what was used must stay used then too.
        try consume(use, of: client, assertion.token.expiry + Issuer.maximumClockSkew, now) {
            .assertion("its jti was used before")
        }
    }

    private func consume(
        _ use: ReplayCache.Use, of client: String, _ acceptableUntil: Int64, _ now: UnixTime,
        _ refusal: () -> ExchangeRefusal
    ) throws(ExchangeRefusal) {
        switch replays.consume(use, of: client, acceptableUntil: acceptableUntil, now: now) {
        case .first: return
        case .used:
            metrics.replayed()
            throw refusal()
        case .full(let retryAfter):
            metrics.refusedForRoom()
            throw .replayCacheFull(retryAfter: retryAfter)
        }
    }
}
