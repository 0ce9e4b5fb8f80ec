internal import CPKCS11

/// What a thread needs to work with the token: a session for life, and room that is used again and again.
struct Lane: ~Copyable {
    /// What the last signature or canary said about the token.
    enum Verdict: Sendable, Equatable {
        /// Nothing: the failure was the request's, the key's or the session's.
        case none
        case works
        case fails(isSevere: Bool)
        /// The library must be initialised again.
        case libraryLost
    }

    /// Room for the largest signature we know: RSA-8192.
    private static let room = 1024
    /// What a canary signs.
    ///
    /// Without dots it can be no JWS, and without the context string no TLS handshake.
    static let canary = Array("canary: never released".utf8)

    let login: TokenLogin
    var verdict = Verdict.none
    let pulse: @Sendable () -> Void
    private let keys: @Sendable () -> [BoundKey]
    /// Whether other keys speak for the token where one fails.
    var asksOtherKeys = true
    private var session: Session?
    private var input: [UInt8] = []
    private var output = [UInt8](repeating: 0, count: Lane.room)

    /// Calls `pulse` whenever a call of many has returned: what goes on does not hang.
    ///
    /// `keys` are those in use.
    init(
        login: TokenLogin, keys: @escaping @Sendable () -> [BoundKey], pulse: @escaping @Sendable () -> Void
    ) {
        self.login = login
        self.keys = keys
        self.pulse = pulse
        input.reserveCapacity(Lane.room)
    }

    /// Opens the session if there is none, or one of a library that was started anew since.
    mutating func open() throws(HSMError) {
        if session?.isStale ?? true { session = nil }
        if session == nil {
            session = try login.openSession()
            session?.pulse = pulse
            pulse()
        }
    }

    /// Drops a session that is lost or in doubt; the next use opens another.
    mutating func dropSession(after error: HSMError? = nil) {
        if error?.meansSessionIsLost == true { session?.markLost() }
        session = nil
    }

    /// Lends the session, opening one first where there is none.
    mutating func withSession<Answer>(
        _ body: (borrowing Session) throws(HSMError) -> Answer
    ) throws(HSMError) -> Answer {
        try open()
        switch session {
        case .some(let session): return try body(session)
        case .none: throw HSMError(.sealed)
        }
    }

    /// A verified signature in the form the key's purpose wants, recovering from losses while its caller waits.
    mutating func sign(
        _ message: [UInt8], with key: BoundKey, until deadline: ContinuousClock.Instant? = nil
    ) -> Result<[UInt8], HSMError> {
        var recoveries = Recoveries(until: deadline)
        while true {
            let seen = key.handle
            do throws(HSMError) {
                let signature = try attempt(message, with: key, seen)
                verdict = .works
                return .success(key.form.encode(signature, algorithm: key.reference.algorithm))
            } catch {
                guard let failure = error.failureClass, recoveries.permit(failure) else {
                    // Canaries were signed in between: the token works, this request does not.
                    let isCleared = error.failureClass == .ambiguous && recoveries.isTokenCleared
                    verdict = isCleared ? .works : weigh(error, isProven: false, key)
                    return .failure(error)
                }
                if let fatal = recover(from: error, failure, key, seen) { return .failure(fatal) }
            }
        }
    }

    /// Makes sure that the token is logged in.
    func restoreLogin() throws(HSMError) { try login.restore(heard: pulse) }

    /// Keys beside this one that can be expected to sign.
    func otherKeys(than key: BoundKey) -> [BoundKey] { keys().filter { $0 !== key && $0.canSignCanaries } }

    /// Clears the verdict for the next piece of work, and returns it.
    mutating func takeVerdict() -> Verdict {
        defer { verdict = .none }
        return verdict
    }

    mutating func attempt(
        _ message: [UInt8], with key: BoundKey, _ seen: BoundKey.Handle
    ) throws(HSMError) -> [UInt8] {
        try key.refuseQuarantined()
        try key.refuseForgotten(seen)
        guard case .signatures(let verifier) = key.proof else {
            throw HSMError(.purposeConflict, context: key.reference.label)
        }
        let prepared = SigningInput(message, algorithm: key.reference.algorithm)
        let signature = try ask(for: prepared, of: message, seen)
        guard verifier.accepts(signature, for: prepared) else {
            // The handle died meanwhile, so its number may have been another key's: that says nothing of this one.
            guard key.handle.generation == seen.generation else { throw HSMError(.signInit, .keyHandleInvalid) }
            throw key.quarantine()
        }
        return signature
    }

    /// What the token answers, which nobody has checked: `attempt` does, before anything is released.
    mutating func ask(
        for prepared: SigningInput, of message: [UInt8], _ seen: BoundKey.Handle
    ) throws(HSMError) -> [UInt8] {
        try open()
        prepared.write(to: &input, message: message, mechanism: seen.mechanism)
        // Also when it fails: the call has returned.
        defer { pulse() }
        switch session {
        case .some(let session):
            let count = try session.sign(input, with: seen.mechanism, key: seen.object, into: &output)
            return Array(output[..<count])
        case .none: throw HSMError(.sealed)
        }
    }
}
