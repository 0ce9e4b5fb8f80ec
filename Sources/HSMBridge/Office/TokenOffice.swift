internal import CPKCS11

/// What is done to a token under the security officer's PIN, or to a PIN: for a process that does nothing else.
///
/// A login holds for a whole process, and a token refuses the officer where the user is logged in (CKR_USER_ANOTHER_ALREADY_
/// LOGGED_IN), so none of this can happen in the process that signs. Everything here blocks. SoftHSM gives a token another
/// slot once the library starts again: the token is told apart by its serial number, never by its slot.
package struct TokenOffice {
    /// Which token is to be initialised.
    package enum Target: Sendable, Equatable {
        /// The one that has never been.
        case fresh
        /// One that has been, of which nothing is to remain.
        case again(TokenURI)
    }

    let module: Module

    /// Loads the library.
    package init(modulePath: String) throws(HSMError) { module = try Module.load(path: modulePath) }

    /// Initialises a token and sets its user's PIN (C_InitToken, C_InitPIN); what it says of itself afterwards.
    ///
    /// A label that another token has is refused: URIs would name two.
    package func initialise(
        _ target: Target, label: String, officerPIN: PIN, userPIN: PIN
    ) throws(HSMError) -> TokenInfo {
        let isVisible = label.utf8.allSatisfy { (0x21...0x7e).contains($0) }
        guard isVisible, (1...32).contains(label.utf8.count) else {
            throw HSMError(.labelRefused, context: "a token's label has 1 to 32 visible ASCII characters")
        }
        let slot: CK_SLOT_ID
        switch target {
        case .fresh: slot = try module.freeSlot()
        case .again(let uri): slot = try module.token(matching: uri).slot
        }
        let others = try module.tokens().found.filter { $0.slot != slot && $0.token.label == label }
        guard others.isEmpty else { throw HSMError(.labelTaken, context: label) }
        try module.initToken(slot: slot, officerPIN: officerPIN, label: label)
        try asOfficer(slot, officerPIN) { (session) throws(HSMError) in try session.initPIN(userPIN) }
        return try module.tokenInfo(slot: slot)
    }

    /// Sets the user's PIN, whatever it was (C_InitPIN): the way out of a locked PIN.
    package func setUserPIN(_ uri: TokenURI, officerPIN: PIN, userPIN: PIN) throws(HSMError) -> TokenInfo {
        let (slot, info) = try module.token(matching: uri)
        try asOfficer(slot, officerPIN) { (session) throws(HSMError) in try session.initPIN(userPIN) }
        return info
    }

    /// Changes the user's PIN (C_SetPIN), which takes the old one.
    package func changeUserPIN(_ uri: TokenURI, from old: PIN, to new: PIN) throws(HSMError) -> TokenInfo {
        let (slot, info) = try module.token(matching: uri)
        let session = try Session(module: module, slot: slot, readWrite: true)
        try TokenOffice.login(session, old, as: CK_USER_TYPE(CKU_USER))
        defer { try? session.logout() }
        try session.setPIN(from: old, to: new)
        return info
    }

    /// Changes the security officer's PIN (C_SetPIN).
    package func changeOfficerPIN(_ uri: TokenURI, from old: PIN, to new: PIN) throws(HSMError) -> TokenInfo {
        let (slot, info) = try module.token(matching: uri)
        try asOfficer(slot, old) { (session) throws(HSMError) in try session.setPIN(from: old, to: new) }
        return info
    }

    /// Logs in as the user and lists everything there is: what another process sees of the token now.
    ///
    /// As with `HSM.inventory` what cannot be read is an error, and all is looked at anew where an object ends meanwhile.
    package func examine(_ uri: TokenURI, userPIN: PIN) throws(HSMError) -> (TokenInfo, [TokenObject]) {
        let (slot, info) = try module.token(matching: uri)
        let session = try Session(module: module, slot: slot)
        try TokenOffice.login(session, userPIN, as: CK_USER_TYPE(CKU_USER))
        defer { try? session.logout() }
        for _ in 1..<HSM.inventoryTries {
            do throws(HSMError) {
                return (info, try session.describeAll())
            } catch {
                guard error.failureClass == .handle else { throw error }
            }
        }
        return (info, try session.describeAll())
    }

    private func asOfficer(
        _ slot: CK_SLOT_ID, _ pin: PIN, _ body: (borrowing Session) throws(HSMError) -> Void
    ) throws(HSMError) {
        let session = try Session(module: module, slot: slot, readWrite: true)
        try TokenOffice.login(session, pin, as: CK_USER_TYPE(CKU_SO))
        defer { try? session.logout() }
        try body(session)
    }

    /// One try: a wrong PIN is told to a person, never tried again.
    static func login(_ session: borrowing Session, _ pin: PIN, as user: CK_USER_TYPE) throws(HSMError) {
        let value = session.login(pin, as: user)
        switch value {
        case .userAlreadyLoggedIn, .userAnotherAlreadyLoggedIn, .userTooManyTypes:
            throw HSMError(.tokenInUse, function: "C_Login", returnValue: value, context: nil)
        default: try Session.judge(value, .login)
        }
    }
}
