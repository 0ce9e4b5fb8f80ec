internal import CPKCS11

/// One open session with a token (PKCS#11 v2.40 section 5.6), owned by one thread at a time and closed when dropped.
struct Session: ~Copyable {
    /// Who the session's application is to the token (CK_STATE).
    enum State: Sendable { case loggedOut, loggedIn, securityOfficer }

    let module: Module
    let handle: CK_SESSION_HANDLE
    private let epoch: Int
    private var isLost = false
    /// Told of each step of work that takes many calls; none of them alone may take longer than a call may.
    var pulse: (@Sendable () -> Void)?

    /// The library was started anew since: the number may be another session's by now.
    var isStale: Bool { epoch != module.epoch }

    /// Opens a session; read-only ones serve for signatures, and some tokens refuse others.
    init(module: Module, slot: CK_SLOT_ID, readWrite: Bool = false) throws(HSMError) {
        let flags = readWrite ? P11_SERIAL_SESSION | P11_RW_SESSION : P11_SERIAL_SESSION
        var handle = CK_SESSION_HANDLE(CK_INVALID_HANDLE)
        let epoch = module.epoch
        try module.sessionWillOpen()
        do throws(HSMError) {
            // Safety: no callback and no context; `handle` is a local that outlives the call.
            try unsafe module.check(.openSession) { unsafe $0.pointee.C_OpenSession?(slot, flags, nil, nil, &handle) }
        } catch {
            module.sessionDidClose()
            throw error
        }
        self.module = module
        self.handle = handle
        self.epoch = epoch
    }

    deinit {
        if !isLost && !isStale {
            // Safety: the handle is ours alone. When it cannot be closed there is nothing left that could be done.
            _ = unsafe module.returnValue { unsafe $0.pointee.C_CloseSession?(handle) }
        }
        module.sessionDidClose()
    }

    /// The token no longer knows the session: its number may be another session's by now, so it is not closed.
    mutating func markLost() { isLost = true }

    /// Whether the application is logged in to the token, as the token sees it.
    func state() throws(HSMError) -> State {
        var info = CK_SESSION_INFO()
        // Safety: a local that outlives the call.
        try unsafe module.check(.getSessionInfo) { unsafe $0.pointee.C_GetSessionInfo?(handle, &info) }
        switch info.state {
        case CKS_RO_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS: return .loggedIn
        case CKS_RW_SO_FUNCTIONS: return .securityOfficer
        case CKS_RO_PUBLIC_SESSION, CKS_RW_PUBLIC_SESSION: return .loggedOut
        default: throw HSMError(malformed: .getSessionInfo, "a state that no session has")
        }
    }

    /// Logs the whole application in; the value is the caller's to judge, since several are answers.
    func login(_ pin: PIN, as user: CK_USER_TYPE = CK_USER_TYPE(CKU_USER)) -> ReturnValue {
        // Safety: the PIN's memory is lent for the length of the call.
        unsafe pin.withBytes { bytes in
            // Safety: as above; C_Login does not write through the pointer, whose type lacks a const.
            unsafe module.returnValue {
                // Safety: as above.
                unsafe $0.pointee.C_Login?(
                    handle, user, UnsafeMutablePointer(mutating: bytes.baseAddress), CK_ULONG(bytes.count))
            }
        }
    }

    /// Logs the whole application out: every session and every handle of a private object.
    func logout() throws(HSMError) {
        // Safety: no pointers.
        try unsafe module.check(.logout) { unsafe $0.pointee.C_Logout?(handle) }
    }

    /// Bytes of the token's random number generator.
    func random(count: Int) throws(HSMError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        // Safety: the call writes as many bytes as the array has.
        try unsafe module.check(.generateRandom) {
            unsafe $0.pointee.C_GenerateRandom?(handle, &bytes, CK_ULONG(count))
        }
        return bytes
    }
}
