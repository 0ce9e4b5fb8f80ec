import CPKCS11
import Glibc
import Synchronization
import VaultTesting

@testable import HSMBridge

/// Stands between the bridge and SoftHSM in this process, and fails as a test tells it to, token by token.
enum FaultyModule {
    /// What happens instead of, or after, a call.
    enum Fault: Sendable {
        /// The call is not made; this is returned.
        case returns(ReturnValue)
        /// The call is made when `Gate.open` is called.
        case hangs
        /// The call is made after a pause.
        case delays(milliseconds: UInt32)
        /// The call is made.
        case passes
        /// C_Sign succeeds, with one bit of the signature turned over.
        case corrupts
    }

    struct Plan: Sendable {
        var faults: [CryptokiFunction: [Fault]] = [:]
        /// Faults that stay until they are cleared.
        var standing: [CryptokiFunction: Fault] = [:]
        var calls: [CryptokiFunction: Int] = [:]
    }

    private struct State: Sendable {
        var plans: [CK_SLOT_ID: Plan] = [:]
        var slots: [CK_SESSION_HANDLE: CK_SLOT_ID] = [:]
    }

    private static let state = Mutex(State())
    // Safety: set once, by `outcome`, before anything reads it.
    nonisolated(unsafe) private static var real: UnsafePointer<CK_FUNCTION_LIST>?

    private static let outcome = Result { () throws -> Module in
        let fixture = try SoftHSMFixture.shared()
        let module = try Module.load(path: fixture.modulePath)
        // Safety: as above.
        unsafe real = module.functions
        // Safety: allocated once and never freed, as a module's own list.
        let list = UnsafeMutablePointer<CK_FUNCTION_LIST>.allocate(capacity: 1)
        unsafe list.initialize(to: module.functions.pointee)
        // Safety: as above.
        unsafe install(list)
        return unsafe Module(path: fixture.modulePath + "#faulty", functions: list)
    }

    /// The module to open tokens with.
    static func module() throws -> Module { try outcome.get() }

    static func slot(of token: SoftHSMDirectory.Token) throws -> CK_SLOT_ID {
        try module().token(matching: TokenURI(token.uri)).slot
    }

    /// The next calls of a function with this token fail so, one after the other.
    static func plan(_ faults: [Fault], for function: CryptokiFunction, slot: CK_SLOT_ID) {
        state.withLock { $0.plans[slot, default: Plan()].faults[function, default: []] += faults }
    }

    /// Every call of a function with this token fails so, until nil is given.
    static func stand(_ fault: Fault?, for function: CryptokiFunction, slot: CK_SLOT_ID) {
        state.withLock { $0.plans[slot, default: Plan()].standing[function] = fault }
    }

    static func calls(of function: CryptokiFunction, slot: CK_SLOT_ID) -> Int {
        state.withLock { $0.plans[slot]?.calls[function] ?? 0 }
    }

    /// Does what was planned for the call, or makes it.
    private static func call(
        _ function: CryptokiFunction, _ session: CK_SESSION_HANDLE, _ make: () -> CK_RV
    ) -> CK_RV {
        guard let slot = state.withLock({ $0.slots[session] }) else { return make() }
        return call(function, slot: slot, make)
    }

    private static func call(_ function: CryptokiFunction, slot: CK_SLOT_ID, _ make: () -> CK_RV) -> CK_RV {
        let fault: Fault? = state.withLock { state in
            state.plans[slot, default: Plan()].calls[function, default: 0] += 1
            if let next = state.plans[slot]?.faults[function]?.first {
                state.plans[slot]?.faults[function]?.removeFirst()
                return next
            }
            return state.plans[slot]?.standing[function]
        }
        switch fault {
        case nil, .passes, .corrupts: return make()
        case .returns(let value): return value.rawValue
        case .delays(let milliseconds): usleep(milliseconds * 1000)
        case .hangs:
            // Until the test clears the standing fault of this function.
            while state.withLock({ $0.plans[slot]?.standing[function] }) != nil { usleep(1000) }
        }
        return make()
    }

    private static func corrupts(_ session: CK_SESSION_HANDLE) -> Bool {
        state.withLock { state in
            guard let slot = state.slots[session] else { return false }
            let fault = state.plans[slot]?.faults[.sign]?.first ?? state.plans[slot]?.standing[.sign]
            if case .corrupts = fault { return true }
            return false
        }
    }

    // Safety: each replacement passes exactly the arguments on that it was given; `real` is set before `install` runs.
    private static func install(_ list: UnsafeMutablePointer<CK_FUNCTION_LIST>) {
        unsafe list.pointee.C_OpenSession = { slot, flags, context, notify, session in
            FaultyModule.call(.openSession, slot: slot) {
                // Safety: as above.
                let value = unsafe FaultyModule.real?.pointee.C_OpenSession?(slot, flags, context, notify, session)
                if value == CKR_OK, let handle = unsafe session?.pointee {
                    FaultyModule.state.withLock { $0.slots[handle] = slot }
                }
                return value ?? CKR_GENERAL_ERROR
            }
        }
        // Safety: as above.
        unsafe list.pointee.C_SignInit = { session, mechanism, key in
            FaultyModule.call(.signInit, session) {
                // Safety: as above.
                unsafe FaultyModule.real?.pointee.C_SignInit?(session, mechanism, key) ?? CKR_GENERAL_ERROR
            }
        }
        // Safety: as above.
        unsafe list.pointee.C_Sign = { session, data, count, signature, length in
            let corrupts = FaultyModule.corrupts(session)
            return FaultyModule.call(.sign, session) {
                // Safety: as above.
                let value = unsafe FaultyModule.real?.pointee.C_Sign?(session, data, count, signature, length)
                if corrupts, value == CKR_OK { unsafe signature?.pointee ^= 1 }
                return value ?? CKR_GENERAL_ERROR
            }
        }
        // Safety: as above.
        unsafe list.pointee.C_Login = { session, user, pin, count in
            FaultyModule.call(.login, session) {
                // Safety: as above.
                unsafe FaultyModule.real?.pointee.C_Login?(session, user, pin, count) ?? CKR_GENERAL_ERROR
            }
        }
        // Safety: as above.
        unsafe list.pointee.C_FindObjectsInit = { session, template, count in
            FaultyModule.call(.findObjectsInit, session) {
                // Safety: as above.
                unsafe FaultyModule.real?.pointee.C_FindObjectsInit?(session, template, count) ?? CKR_GENERAL_ERROR
            }
        }
        // Safety: as above.
        unsafe list.pointee.C_GetSessionInfo = { session, info in
            FaultyModule.call(.getSessionInfo, session) {
                // Safety: as above.
                unsafe FaultyModule.real?.pointee.C_GetSessionInfo?(session, info) ?? CKR_GENERAL_ERROR
            }
        }
    }
}
