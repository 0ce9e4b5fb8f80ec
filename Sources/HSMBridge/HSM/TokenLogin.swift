internal import CPKCS11
internal import Synchronization

/// One token, logged in: keeps a session of its own for that, and logs in again when the token has forgotten.
///
/// A login holds for the whole process, so it is single-flight: one lane goes through the gate, the others wait for it. The
/// PIN is tried only where it can count: never twice once refused, never at the last try, never on a locked token.
final class TokenLogin: Sendable {
    /// Where the PIN of the first login comes from.
    typealias FirstPIN = @Sendable () throws(HSMError) -> PIN

    private struct Gate: ~Copyable {
        var session: Session?
        var pin: PIN?
        /// C_Login said that the PIN is locked: a person has to open the token anew.
        var isLocked = false
    }

    let module: Module
    let uri: TokenURI
    let profile: TokenProfile
    private let slot: Mutex<CK_SLOT_ID>
    private let gate: Mutex<Gate>
    private let shownState = Mutex(LoginState.loggedOut)
    /// Closed, or given up while a call hangs: whoever comes out of the library after that logs in no more.
    private let isOver = Atomic(false)
    private let beforeLogin = Mutex<(@Sendable () -> Void)?>(nil)

    /// Held for as long as the library must not be started anew by others.
    private let use: Mutex<ModuleUse?>

    /// Finds the token and logs in; from then on it is this token, by its serial number, and no other with its label.
    ///
    /// `pin` is asked for once, when nothing but C_Login is left to do: whoever waited in the library until then may have
    /// lost the right to it. Someone else's login would let any PIN pass, so it is refused (`tokenInUse`).
    init(module: Module, uri: TokenURI, pin: @escaping FirstPIN) throws(HSMError) {
        use = Mutex(try ModuleUse(module))
        let (slot, info) = try module.token(matching: uri)
        self.module = module
        self.uri = uri.pinned(to: info)
        profile = TokenProfile(
            info: info, library: try module.libraryInfo(), mechanisms: try module.mechanisms(slot: slot))
        self.slot = Mutex(slot)
        gate = Mutex(Gate(session: nil, pin: nil))
        try restore(first: pin) {}
    }

    /// What is done before each login but the first: handles of private objects die with the login, and the token may use
    /// their numbers for others (PKCS#11 v2.40 section 5.6).
    func beforeEachLogin(_ action: @escaping @Sendable () -> Void) { beforeLogin.withLock { $0 = action } }

    /// Where the login stands; never waits for the token.
    var state: LoginState { shownState.withLock { $0 } }

    /// What the token says of one of its mechanisms.
    func mechanismInfo(_ mechanism: MechanismType) throws(HSMError) -> MechanismInfo {
        try module.mechanismInfo(mechanism, slot: slot.withLock { $0 })
    }

    /// A new session with the token.
    func openSession(readWrite: Bool = false) throws(HSMError) -> Session {
        try Session(module: module, slot: slot.withLock { $0 }, readWrite: readWrite)
    }

    /// Makes sure that the token is logged in, as the token itself sees it.
    ///
    /// `heard` is called whenever a call has returned.
    func restore(heard: () -> Void = {}) throws(HSMError) { try restore(first: nil, heard) }

    /// Looks the token up again: one that was away may come back in another slot.
    ///
    /// Where it was last comes first: another slot of the library may be slow to answer, or never do.
    func relocate() throws(HSMError) {
        if let info = try? module.tokenInfo(slot: slot.withLock { $0 }), uri.matches(info) { return }
        let found = try module.token(matching: uri).slot
        slot.withLock { $0 = found }
    }

    /// Asks the token what it is: one that is away cannot tell.
    func askToken() throws(HSMError) { _ = try module.tokenInfo(slot: slot.withLock { $0 }) }

    /// Whether the library goes on listing a token that it cannot read, and is known never to see it again by itself.
    var isForgotten: Bool {
        guard profile.quirks.contains(.forgetsLostTokens), let (found, failure) = try? module.tokens() else {
            return false
        }
        return failure != nil && !found.contains { uri.matches($0.token) }
    }

    /// Starts the library anew; the caller sees to it that no lane is inside it.
    func restartLibrary() throws(HSMError) { try module.restart() }

    /// Logs out and forgets the PIN.
    func close() {
        logOut()
        use.withLock { $0 = nil }
    }

    /// Forgets the PIN without a word to the token, which hangs; false when the login itself is what hangs.
    ///
    /// Then the PIN goes as soon as that call returns, and no login follows.
    func forgetPIN() -> Bool {
        isOver.store(true, ordering: .releasing)
        return gate.withLockIfAvailable { $0.pin = nil } != nil
    }

    /// Forgets the PIN and logs out; the library stays in use, for a call may be inside it.
    func logOut() {
        isOver.store(true, ordering: .releasing)
        gate.withLock { gate in
            gate.pin = nil
            if let session = gate.session.take(), !session.isStale { try? session.logout() }
        }
        shownState.withLock { $0 = .loggedOut }
    }

    private func restore(first: FirstPIN?, _ heard: () -> Void) throws(HSMError) {
        guard state != .refused else { throw HSMError(.pinRefused, context: "the token refused the PIN before") }
        try gate.withLock { (gate) throws(HSMError) in
            guard first != nil || gate.pin != nil else { throw HSMError(.sealed) }
            do throws(HSMError) {
                try checkLogin(&gate, first, heard)
                show(.loggedIn)
            } catch {
                // What the token itself fails with says nothing about the login; the breaker shows that.
                if let state = LoginState(after: error) { show(state) }
                throw error
            }
        }
    }

    private func show(_ state: LoginState) { shownState.withLock { $0 = state } }

    private func checkLogin(_ gate: inout Gate, _ first: FirstPIN?, _ heard: () -> Void) throws(HSMError) {
        defer { heard() }
        switch try tokenState(&gate, heard) {
        case .loggedIn where first != nil: throw HSMError(.tokenInUse, context: uri.description)
        case .securityOfficer: throw HSMError(.tokenInUse, context: "the security officer is logged in")
        case .loggedIn: return
        case .loggedOut: try login(&gate, first, heard)
        }
    }

    /// Asks the persistent session, and opens another where it is lost or in doubt.
    private func tokenState(_ gate: inout Gate, _ heard: () -> Void) throws(HSMError) -> Session.State {
        defer { heard() }
        if gate.session?.isStale ?? true { gate.session = nil }
        do throws(HSMError) {
            if let state = try gate.session?.state() { return state }
        } catch {
            if error.meansSessionIsLost { gate.session?.markLost() }
            gate.session = nil
        }
        heard()
        let session = try openSession()
        heard()
        let state = try session.state()
        gate.session = consume session
        return state
    }

    private func login(_ gate: inout Gate, _ first: FirstPIN?, _ heard: () -> Void) throws(HSMError) {
        guard !gate.isLocked else { throw HSMError(.pinLocked, context: uri.description) }
        let info = try module.tokenInfo(slot: slot.withLock { $0 })
        heard()
        // Another token's PIN counter is not to be touched, nor its owner shown this PIN.
        guard info.serial == profile.info.serial else {
            throw HSMError(
                .device, function: CryptokiFunction.getTokenInfo.rawValue, returnValue: .tokenNotPresent,
                context: "the token \(info.label) with serial \(info.serial) is in the slot of \(uri)")
        }
        if let first { gate.pin = try first() }
        guard let pin = gate.pin else { throw HSMError(.sealed) }
        guard !module.refusedPINs.contains(pin, serial: info.serial) else { throw HSMError(.pinKnownBad) }
        guard !info.isPINLocked else { throw HSMError(.pinLocked, context: uri.description) }
        guard !info.isAtFinalTry else { throw HSMError(.pinFinalTry, context: uri.description) }
        guard info.takes(pinOfLength: pin.length) else {
            throw HSMError(.pinLength, context: "the token takes other lengths")
        }
        if first == nil { beforeLogin.withLock { $0 }?() }
        guard !isOver.load(ordering: .acquiring) else {
            gate.pin = nil
            throw HSMError(.sealed)
        }
        let value: ReturnValue
        switch gate.session {
        case .some(let session): value = session.login(pin)
        case .none: throw HSMError(.sealed)
        }
        switch value {
        case .ok: return
        case .userAlreadyLoggedIn where first == nil: return
        case .userAlreadyLoggedIn: throw HSMError(.tokenInUse, context: uri.description)
        case .pinIncorrect, .pinInvalid, .pinLenRange, .pinExpired:
            module.refusedPINs.insert(pin, serial: info.serial)
            throw HSMError(.pinRefused, context: uri.description)
        case .pinLocked:
            gate.isLocked = true
            throw HSMError(.pinLocked, context: uri.description)
        // Some tokens answer a wrong PIN with a code for something else: what changes nothing when repeated is a refusal.
        case _ where value.failureClass == .operation:
            module.refusedPINs.insert(pin, serial: info.serial)
            throw HSMError(.pinRefused, context: "\(uri.description); C_Login: \(value)")
        default: throw HSMError(.login, value)
        }
    }
}

extension LoginState {
    /// What an error of the login says about it; nil when it says nothing.
    fileprivate init?(after error: HSMError) {
        switch error.code {
        case .pinRefused, .pinKnownBad, .pinLength: self = .refused
        case .pinFinalTry: self = .finalTry
        case .pinLocked: self = .locked
        case .tokenInUse: self = .loggedOut
        default: return nil
        }
    }
}
