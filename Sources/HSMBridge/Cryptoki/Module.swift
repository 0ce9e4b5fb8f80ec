internal import CPKCS11
internal import CVaultSystem
internal import Glibc
internal import Synchronization

/// A loaded PKCS#11 library: one per canonical path and process, initialised once, finalised only by `shutdown()`.
///
/// Never finalised from `deinit` or `atexit`: SoftHSM crashes when its own exit handlers ran first, and any module
/// crashes when it is finalised under use.
@safe package final class Module: Sendable {
    private struct State {
        var openSessions = 0
        var openedSessions: UInt64 = 0
        var isFinalised = false
    }

    /// Who uses the library; held while it is started anew.
    private struct Users {
        var count = 0
        /// Finalised, and could not be initialised since.
        var isDown = false
    }

    /// The canonical absolute path it was loaded from.
    package let path: String
    /// PINs that failed, remembered for the life of the process, however often the library is finalised.
    let refusedPINs: RefusedPINs
    // Safety: the list is constant and mapped for the life of the process (RTLD_NODELETE); nothing writes through it.
    nonisolated(unsafe) let functions: UnsafePointer<CK_FUNCTION_LIST>
    private let state = Mutex(State())
    private let users = Mutex(Users())
    private let starts = Atomic(0)

    /// The place of one path: held while its library is loaded, started or finalised, which may hang, and by nobody who
    /// wants another.
    private final class Place: Sendable {
        let module = Mutex<Module?>(nil)
        let refusedPINs = RefusedPINs()
    }

    private static let registry = Mutex<[String: Place]>([:])

    private init(path: String, functions: UnsafePointer<CK_FUNCTION_LIST>) {
        self.path = path
        refusedPINs = Module.place(path).refusedPINs
        // Safety: see `functions`.
        unsafe self.functions = functions
    }

    /// The module at an absolute path, loaded and initialised at the first call; blocks.
    package static func load(path: String) throws(HSMError) -> Module {
        let canonical = try canonicalPath(path)
        return try place(canonical).module.withLock { (current) throws(HSMError) -> Module in
            if let current { return current }
            let module = try Module(loading: canonical)
            try module.initialize()
            current = module
            return module
        }
    }

    /// The module at an absolute path, if it is loaded.
    static func loaded(path: String) throws(HSMError) -> Module? {
        let canonical = try canonicalPath(path)
        return place(canonical).module.withLock { $0 }
    }

    private static func place(_ canonical: String) -> Place {
        registry.withLock { places in
            let place = places[canonical] ?? Place()
            places[canonical] = place
            return place
        }
    }

    /// Finalises the library (C_Finalize), when nothing uses it; a later `load` starts it again; blocks.
    package func shutdown() throws(HSMError) {
        try Module.place(path).module.withLock { (current) throws(HSMError) in
            try users.withLock { (users) throws(HSMError) in
                guard users.count == 0 else { throw HSMError(.moduleInUse, context: path) }
                try finalize()
            }
            if current === self { current = nil }
        }
    }

    private func finalize() throws(HSMError) {
        try state.withLock { (state) throws(HSMError) in
            guard state.openSessions == 0 else { throw HSMError(.moduleInUse, context: path) }
            guard !state.isFinalised else { return }
            // Safety: nobody uses it, no session is open, and neither changes while the locks are held.
            try unsafe check(.finalize) { unsafe $0.pointee.C_Finalize?(nil) }
            state.isFinalised = true
        }
    }

    /// How often the library was started anew: sessions and handles from before are no more.
    var epoch: Int { starts.load(ordering: .acquiring) }

    /// From now on somebody holds slots or sessions of the library, until `leave`; waits while it is started anew, and
    /// comes too late once it is finalised.
    func enter() throws(HSMError) {
        try users.withLock { (users) throws(HSMError) in
            guard !state.withLock({ $0.isFinalised }) else { throw HSMError(.sealed, context: path) }
            users.count += 1
        }
    }

    /// The opposite of `enter`.
    func leave() { users.withLock { $0.count -= 1 } }

    /// Finalises and initialises the library for its one user, who is not inside it.
    ///
    /// For libraries that cannot see a token again otherwise. Every session and handle from before is lost. With other users
    /// it is refused (`moduleInUse`).
    func restart() throws(HSMError) {
        try users.withLock { (users) throws(HSMError) in
            guard users.count == 1 else {
                throw HSMError(
                    .moduleInUse,
                    context: "\(path) must be started anew to see the token again, and other tokens use it")
            }
            guard !state.withLock({ $0.isFinalised }) else { throw HSMError(.sealed, context: path) }
            starts.add(1, ordering: .acquiringAndReleasing)
            if !users.isDown {
                // Safety: the one user is the caller, who is not inside the library; others wait in `enter`.
                try unsafe check(.finalize) { unsafe $0.pointee.C_Finalize?(nil) }
            }
            users.isDown = true
            try initialize()
            users.isDown = false
        }
    }

    /// Every call into the library goes through here: anything but CKR_OK becomes an error that names the function.
    ///
    /// A function the library does not have counts as CKR_FUNCTION_NOT_SUPPORTED.
    @inline(__always)
    func check(
        _ function: CryptokiFunction, _ call: (UnsafePointer<CK_FUNCTION_LIST>) -> CK_RV?
    ) throws(HSMError) {
        // Safety: the pointer goes down into the call, and no further.
        let value = unsafe returnValue(of: call)
        guard value == .ok else { throw HSMError(function, value) }
    }

    /// What the call returned, for the few callers to whom several values are answers.
    @inline(__always)
    func returnValue(of call: (UnsafePointer<CK_FUNCTION_LIST>) -> CK_RV?) -> ReturnValue {
        // Safety: the function list is constant, see `functions`.
        unsafe ReturnValue(rawValue: call(functions) ?? CKR_FUNCTION_NOT_SUPPORTED)
    }

    /// Sessions open now, and ever.
    var sessionCounts: (open: Int, ever: UInt64) { state.withLock { ($0.openSessions, $0.openedSessions) } }

    func sessionWillOpen() throws(HSMError) {
        try state.withLock { (state) throws(HSMError) in
            guard !state.isFinalised else { throw HSMError(.sealed, context: path) }
            state.openSessions += 1
            state.openedSessions += 1
        }
    }

    func sessionDidClose() { state.withLock { $0.openSessions -= 1 } }
}

extension Module {
    /// Symbolic links resolved; refuses what is not a plain file, or could be replaced by anyone.
    private static func canonicalPath(_ path: String) throws(HSMError) -> String {
        guard path.utf8.first == UInt8(ascii: "/") else {
            throw HSMError(.moduleRefused, context: "\(path) is not an absolute path")
        }
        // Safety: realpath allocates the answer, which is copied and freed here.
        guard let resolved = unsafe realpath(path, nil) else { throw HSMError(.moduleNotFound, context: path) }
        // Safety: as above; allocated by realpath and not used after this scope.
        defer { unsafe free(resolved) }
        // Safety: realpath ends its answer with a zero.
        let canonical = unsafe String(cString: resolved)
        var status = stat()
        // Safety: `status` is a local that outlives the call.
        guard unsafe stat(canonical, &status) == 0 else { throw HSMError(.moduleNotFound, context: canonical) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw HSMError(.moduleRefused, context: "\(canonical) is not a file")
        }
        guard status.st_mode & S_IWOTH == 0 else {
            throw HSMError(.moduleRefused, context: "\(canonical) is writable by everyone")
        }
        return canonical
    }

    private convenience init(loading path: String) throws(HSMError) {
        // Safety: both strings live through the call; the library is never unloaded, so the symbol stays valid.
        guard let symbol = unsafe csystem_symbol(path, "C_GetFunctionList") else {
            throw HSMError(.moduleRefused, context: "\(path) is no PKCS#11 library")
        }
        // Safety: PKCS#11 v2.40 section 5.4 gives C_GetFunctionList exactly this type.
        let getFunctionList = unsafe unsafeBitCast(symbol, to: CK_C_GetFunctionList.self)
        var list: UnsafeMutablePointer<CK_FUNCTION_LIST>? = nil
        // Safety: as above.
        let value = unsafe ReturnValue(rawValue: getFunctionList(&list))
        guard value == .ok else { throw HSMError(.getFunctionList, value) }
        // Safety: the list is constant and belongs to the library, which is never unloaded.
        guard let list = unsafe list, unsafe list.pointee.version.major >= 2 else {
            throw HSMError(malformed: .getFunctionList, "no function list of version 2 or later")
        }
        // Safety: as above.
        unsafe self.init(path: path, functions: UnsafePointer(list))
    }

    /// C_Initialize with CKF_OS_LOCKING_OK: without it SoftHSM takes no locks at all.
    private func initialize() throws(HSMError) {
        // Safety: no callbacks and no reserved data, so no pointers at all.
        var arguments = unsafe CK_C_INITIALIZE_ARGS()
        unsafe arguments.flags = P11_OS_LOCKING_OK
        // Safety: `arguments` outlives the call.
        try unsafe check(.initialize) { unsafe $0.pointee.C_Initialize?(&arguments) }
    }
}
