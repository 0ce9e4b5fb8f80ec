extension Lane {
    /// Does what the class of the failure calls for; what it returns ends the request.
    mutating func recover(
        from error: HSMError, _ failure: FailureClass, _ key: BoundKey, _ seen: BoundKey.Handle
    ) -> HSMError? {
        // A C_Sign that failed may have left its operation behind, which would spoil the next one (OPERATION_ACTIVE).
        let isOperation = [CryptokiFunction.sign, .decrypt].contains { $0.rawValue == error.function }
        if isOperation { dropSession(after: error) }
        do throws(HSMError) {
            switch failure {
            case .session: dropSession(after: error)
            case .login: try restoreLogin()
            case .handle:
                // Handles of private objects die with the login, and a lookup without one finds nothing.
                try restoreLogin()
                try refresh(key, seen)
            case .ambiguous: return canaryDecides(error, key, seen)
            case .operation, .token, .library:
                verdict = Lane.judge(error, isProven: false)
                return error
            }
            return nil
        } catch {
            verdict = weigh(error, isProven: false, key)
            return error
        }
    }

    /// A key that is not there may be the key's matter or the token's, which is asked.
    private mutating func refresh(_ key: BoundKey, _ seen: BoundKey.Handle) throws(HSMError) {
        do throws(HSMError) {
            do throws(HSMError) {
                try lookUp(key, seen)
            } catch {
                // The lane's session may have gone with the handle, or hold what a failed C_Sign left behind.
                guard error.failureClass == .session else { throw error }
                dropSession(after: error)
                try restoreLogin()
                try lookUp(key, seen)
            }
        } catch {
            if error.code == .keyNotFound {
                try login.askToken()
                key.isMissing = true
            }
            throw error
        }
    }

    private mutating func lookUp(_ key: BoundKey, _ seen: BoundKey.Handle) throws(HSMError) {
        let profile = login.profile
        try withSession { (session) throws(HSMError) in try key.refresh(after: seen, in: session, profile: profile) }
    }

    /// Looks for a key that was missing; that it still is, is no failure.
    mutating func search(for key: BoundKey) throws(HSMError) {
        do throws(HSMError) {
            try refresh(key, key.handle)
        } catch {
            guard error.isAboutKey else { throw error }
        }
    }

    /// A canary with the same key: when it works, the request is tried once more; else the token is to blame, unless
    /// another key signs.
    ///
    /// A canary may meet with a loss of its own, or with the last of what struck the request: it has a second try.
    private mutating func canaryDecides(_ error: HSMError, _ key: BoundKey, _ seen: BoundKey.Handle) -> HSMError? {
        var isLast = false
        while true {
            dropSession()
            do throws(HSMError) {
                switch key.proof {
                case .signatures: _ = try attempt(Lane.canary, with: key, seen)
                case .roundTrip(let encryption): try attemptRoundTrip(encryption, key, seen)
                }
                return nil
            } catch let canaryError {
                if !isLast, [.session, .ambiguous].contains(canaryError.failureClass) {
                    isLast = true
                    continue
                }
                verdict = weigh(canaryError, isProven: true, key)
                return canaryError.isAboutKey ? canaryError : error
            }
        }
    }

    /// What a failure that trying again did not mend says about the token: that it works, where another key signs.
    ///
    /// A failure of the device (`FailureClass.token`) speaks of the device, whichever key met with it.
    mutating func weigh(_ error: HSMError, isProven: Bool, _ key: BoundKey) -> Verdict {
        let verdict = Lane.judge(error, isProven: isProven)
        guard verdict == .fails(isSevere: false), error.failureClass != .token, asksOtherKeys else { return verdict }
        let others = otherKeys(than: key)
        guard !others.isEmpty else { return verdict }
        dropSession(after: error)
        return proveToken(with: others) == nil ? .works : verdict
    }

    /// Lets one key after the other sign a canary, until one does; why not, where none did.
    ///
    /// It ends early where the failure leaves no doubt that it is not the key's.
    mutating func proveToken(with keys: [BoundKey]) -> HSMError? {
        let asked = asksOtherKeys
        asksOtherKeys = false
        defer { asksOtherKeys = asked }
        var failure: HSMError?
        for key in keys {
            guard case .failure(let error) = sign(Lane.canary, with: key) else { return nil }
            switch Lane.judge(error, isProven: false) {
            case .libraryLost, .fails(isSevere: true): return error
            default: break
            }
            // What is said of one key hides nothing that is said of the token.
            if failure?.isAboutKey ?? true { failure = error }
        }
        return failure
    }

    /// What a failure that ended a signature says about the token.
    static func judge(_ error: HSMError, isProven: Bool) -> Verdict {
        switch error.failureClass {
        case .token: .fails(isSevere: error.returnValue?.meansDeviceGone ?? false)
        case .library: .libraryLost
        // A token that cannot even say what it is, is away.
        case .ambiguous: .fails(isSevere: error.function == CryptokiFunction.getTokenInfo.rawValue)
        case .session, .login, .handle: .fails(isSevere: false)
        case .operation: isProven ? .fails(isSevere: false) : .none
        case nil: error.meansLoginIsBarred ? .fails(isSevere: true) : .none
        }
    }
}
