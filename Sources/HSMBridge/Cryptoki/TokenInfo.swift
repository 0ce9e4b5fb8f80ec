internal import CPKCS11

/// What a token says of itself (CK_TOKEN_INFO).
package struct TokenInfo: Sendable, Equatable {
    /// The token's label.
    package let label: String
    /// Who made the token.
    package let manufacturer: String
    /// The token's model.
    package let model: String
    /// The token's serial number.
    package let serial: String
    /// The shortest PIN it takes, in bytes.
    package let minimumPINLength: Int
    /// The longest PIN it takes, in bytes; this bridge's own limit where it tells none.
    package let maximumPINLength: Int
    /// How many sessions it allows; nil when it sets or tells no limit.
    package let maximumSessions: Int?
    let flags: CK_FLAGS

    /// One wrong PIN more would lock it.
    package var isAtFinalTry: Bool { flags & P11_USER_PIN_FINAL_TRY != 0 }
    /// A wrong PIN has been tried since the last right one.
    package var isPINCountLow: Bool { flags & P11_USER_PIN_COUNT_LOW != 0 }
    /// The PIN must be changed before anything else works.
    package var mustChangePIN: Bool { flags & P11_USER_PIN_TO_BE_CHANGED != 0 }
    /// The user PIN has been set.
    package var hasUserPIN: Bool { flags & P11_USER_PIN_INITIALIZED != 0 }
    /// Nothing can be written to it.
    package var isWriteProtected: Bool { flags & P11_WRITE_PROTECTED != 0 }
    /// A login is needed for private objects.
    package var needsLogin: Bool { flags & P11_LOGIN_REQUIRED != 0 }
    /// Its PIN is locked.
    package var isPINLocked: Bool { flags & P11_USER_PIN_LOCKED != 0 }

    init(_ info: CK_TOKEN_INFO) {
        label = TokenInfo.text(info.label)
        manufacturer = TokenInfo.text(info.manufacturerID)
        model = TokenInfo.text(info.model)
        serial = TokenInfo.text(info.serialNumber)
        minimumPINLength = info.ulMinPinLen == P11_UNAVAILABLE_INFORMATION ? 0 : Int(clamping: info.ulMinPinLen)
        let longest = info.ulMaxPinLen
        maximumPINLength =
            longest == 0 || longest == P11_UNAVAILABLE_INFORMATION ? PIN.longest : Int(clamping: longest)
        let sessions = info.ulMaxSessionCount
        let isUnlimited = sessions == P11_EFFECTIVELY_INFINITE || sessions == P11_UNAVAILABLE_INFORMATION
        maximumSessions = isUnlimited ? nil : Int(clamping: sessions)
        flags = info.flags
    }

    /// Whether a PIN of so many bytes can be tried at all; a token that says less at most than at least means the latter.
    func takes(pinOfLength length: Int) -> Bool {
        (minimumPINLength...max(maximumPINLength, minimumPINLength)).contains(length)
    }

    /// A fixed-size field, without the blanks that pad it.
    static func text<Field: BitwiseCopyable>(_ field: Field) -> String {
        // Safety: the field is a homogeneous tuple of bytes, read within its own size.
        let bytes = unsafe withUnsafeBytes(of: field) { unsafe Array($0) }
        let end = bytes.lastIndex { $0 != 0x20 && $0 != 0 }.map { $0 + 1 } ?? 0
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}

extension Module {
    /// The slots that hold an initialised token.
    ///
    /// SoftHSM always lists one empty slot more; its token is not initialised. A token that cannot even say what it is
    /// hides none of the others: its failure is told beside them.
    func tokens() throws(HSMError) -> (found: [(slot: CK_SLOT_ID, token: TokenInfo)], failure: HSMError?) {
        var found: [(slot: CK_SLOT_ID, token: TokenInfo)] = []
        var failure: HSMError?
        for slot in try slots() {
            var info = CK_TOKEN_INFO()
            // Safety: a local that outlives the call.
            let value = unsafe returnValue { unsafe $0.pointee.C_GetTokenInfo?(slot, &info) }
            if value == .tokenNotPresent || value == .tokenNotRecognized { continue }
            guard value == .ok else {
                failure = failure ?? HSMError(.getTokenInfo, value)
                continue
            }
            if info.flags & P11_TOKEN_INITIALIZED != 0 { found.append((slot, TokenInfo(info))) }
        }
        return (found, failure)
    }

    /// The one token the URI names, never chosen by slot number.
    func token(matching uri: TokenURI) throws(HSMError) -> (slot: CK_SLOT_ID, token: TokenInfo) {
        let (found, failure) = try tokens()
        let matching = found.filter { uri.matches($0.token) }
        guard let first = matching.first else {
            // The one that is wanted may be the one that cannot say what it is.
            let other = failure.map { "; another token fails: \($0)" } ?? ""
            throw HSMError(.tokenNotFound, context: uri.description + "; \(Module.list(found.map(\.token)))" + other)
        }
        guard matching.count == 1 else { throw HSMError(.tokenNotUnique, context: uri.description) }
        return first
    }

    /// The tokens that are there, for whoever has mistyped the name of one.
    private static func list(_ tokens: [TokenInfo]) -> String {
        guard !tokens.isEmpty else { return "the module shows no token" }
        // Escaped: what a token calls itself goes into logs.
        let labels = tokens.prefix(8).map(\.label.debugDescription)
        let more = tokens.count > labels.count ? " and \(tokens.count - labels.count) more" : ""
        return "the module shows \(labels.joined(separator: ", "))\(more)"
    }

    /// What a token says of itself now; its PIN flags change.
    func tokenInfo(slot: CK_SLOT_ID) throws(HSMError) -> TokenInfo {
        var info = CK_TOKEN_INFO()
        // Safety: a local that outlives the call.
        try unsafe check(.getTokenInfo) { unsafe $0.pointee.C_GetTokenInfo?(slot, &info) }
        return TokenInfo(info)
    }

    /// The mechanisms a token offers.
    func mechanisms(slot: CK_SLOT_ID) throws(HSMError) -> Set<MechanismType> {
        // Safety: `list` lends room for the length of the call.
        let list = try unsafe list(.getMechanismList) { unsafe $0.pointee.C_GetMechanismList?(slot, $1, $2) }
        return Set(list.map { MechanismType(rawValue: $0) })
    }

    func slots() throws(HSMError) -> [CK_SLOT_ID] {
        // Safety: `list` lends room for the length of the call.
        try unsafe list(.getSlotList) { unsafe $0.pointee.C_GetSlotList?(1, $1, $2) }
    }

    /// The convention for lists (PKCS#11 v2.40 section 5.2): ask for the count, then for the elements.
    private func list(
        _ function: CryptokiFunction,
        _ call: (UnsafePointer<CK_FUNCTION_LIST>, UnsafeMutablePointer<CK_ULONG>?, UnsafeMutablePointer<CK_ULONG>)
            -> CK_RV?
    ) throws(HSMError) -> [CK_ULONG] {
        var count: CK_ULONG = 0
        // Safety: no room given, so only the count is written.
        try unsafe check(function) { unsafe call($0, nil, &count) }
        guard count <= 65_536 else { throw HSMError(malformed: function, "more elements than any token has") }
        // A few more places, for elements that arrive between the two calls.
        var elements = [CK_ULONG](repeating: 0, count: Int(count) + 8)
        var filled = CK_ULONG(elements.count)
        // Safety: the call may write as many elements as `filled` says there is room for.
        try unsafe check(function) { unsafe call($0, &elements, &filled) }
        guard filled <= elements.count else { throw HSMError(malformed: function, "more elements than room") }
        return Array(elements.prefix(Int(filled)))
    }
}
