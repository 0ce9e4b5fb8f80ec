internal import CPKCS11

/// The steps of an examination, in order, on one thread; a step that fails ends those that need it.
struct TokenExaminer {
    let examination: TokenExamination
    let pin: PIN?
    let notes: ExaminationNotes

    func run() {
        guard let module = step("module", { () throws(HSMError) in try load() }),
            let token = step("token", { () throws(HSMError) in try examineToken(module) })
        else { return }
        guard let pin else { return leaveOutLogin(token) }
        guard let login = step("login", { () throws(HSMError) in try logIn(module, pin) }) else { return }
        let profile = examineProfile(login)
        notes.change { $0.profile = profile }
        step("keys") { () throws(HSMError) in
            try KeyInventory(login: login, profile: profile, examination: examination, notes: notes).run()
        }
        login.close()
    }

    @discardableResult
    private func step<Answer>(_ subject: String, _ body: () throws(HSMError) -> Answer) -> Answer? {
        do throws(HSMError) {
            return try body()
        } catch {
            notes.add(.failure(subject, error))
            return nil
        }
    }

    private func load() throws(HSMError) -> Module {
        let path = examination.modulePath
        let module = try notes.timed("load the library") { () throws(HSMError) -> Module in
            try Module.load(path: path)
        }
        let library = try module.libraryInfo()
        notes.change { $0.library = library }
        notes.add(
            .good(
                "module", "module-loaded",
                "\(library.manufacturer), \(library.description) \(library.version), PKCS#11 \(library.cryptokiVersion)"
            ))
        return module
    }

    private func examineToken(_ module: Module) throws(HSMError) -> TokenInfo {
        let all = try notes.timed("list the tokens") { () throws(HSMError) in try module.tokens().found }
        let info: TokenInfo
        do throws(HSMError) {
            info = try module.token(matching: examination.uri).token
        } catch {
            let there = all.map { "\($0.token.label) (serial \($0.token.serial))" }.joined(separator: ", ")
            throw HSMError(
                error.code,
                context: "\(examination.uri.description); there are: \(there.isEmpty ? "none" : there)")
        }
        notes.add(
            .good("token", "token-found", "\(info.label), serial \(info.serial), \(info.manufacturer) \(info.model)"))
        for finding in info.findings { notes.add(finding) }
        notes.change { $0.token = info }
        return info
    }

    /// Without the PIN there is what the token says of itself, and what the manifest says of its keys.
    private func leaveOutLogin(_ token: TokenInfo) {
        let keys = (examination.expected ?? []).filter { $0.serial == token.serial }.map { KeyReport($0) }
        notes.change { $0.keys = keys }
        notes.add(
            .note(
                "login", "login-left-out",
                "no PIN was given: algorithms, attributes, probes, canary signatures and their times were left out",
                mend: "give a file with the PIN, or run it at a terminal"))
    }

    private func logIn(_ module: Module, _ pin: PIN) throws(HSMError) -> TokenLogin {
        let login = try notes.timed("log in") { () throws(HSMError) in
            try TokenLogin(module: module, uri: examination.uri) { () throws(HSMError) in pin }
        }
        notes.add(.good("login", "logged-in", "the token takes the PIN"))
        return login
    }

    /// What the token can do; where trying fails, what it says of itself.
    private func examineProfile(_ login: TokenLogin) -> TokenProfile {
        var profile = login.profile
        if !profile.vendor.isTested {
            let name = profile.vendor == .other ? "a maker this appliance does not know" : profile.vendor.rawValue
            notes.add(
                .note(
                    "profile", "vendor-untested", "\(name): this appliance has not been tested with it",
                    mend: "run scripts/test --module PATH --token LABEL once, on a token without keys you need"))
        }
        notes.begin("try what the token can do")
        var probe = TokenProbe(login: login, makesKeys: examination.triesKeys)
        probe.run()
        profile = probe.profile
        notes.change { $0.algorithms = probe.algorithms }
        for quirk in profile.quirks.sorted(by: { $0.rawValue < $1.rawValue }) {
            notes.add(.note("profile", "quirk-" + quirk.rawValue, quirk.meaning, mend: quirk.mend))
        }
        for finding in probe.findings { notes.add(finding) }
        return profile
    }
}

extension TokenInfo {
    /// What its flags give cause for.
    fileprivate var findings: [Finding] {
        var findings: [Finding] = []
        func error(_ code: HSMError.Code) { findings.append(.failure("token", HSMError(code))) }
        if isPINLocked { error(.pinLocked) }
        if isAtFinalTry { error(.pinFinalTry) }
        if !hasUserPIN {
            findings.append(
                .fault("token", "pin-unset", "no user PIN is set", mend: "let the security officer set one"))
        }
        if mustChangePIN {
            findings.append(
                .fault("token", "pin-must-change", "the user PIN must be changed", mend: "set a new one first"))
        }
        if isPINCountLow, !isAtFinalTry, !isPINLocked {
            findings.append(
                .note("token", "pin-count-low", "a wrong PIN was tried lately", mend: "find out who did"))
        }
        if !needsLogin {
            findings.append(
                .fault(
                    "token", "no-login", "the token needs no login: whoever reaches it can use its keys",
                    mend: "initialise it with a user PIN"))
        }
        if isWriteProtected {
            findings.append(
                .note("token", "write-protected", "nothing can be written to the token", mend: "to make keys, lift it"))
        }
        if let sessions = maximumSessions, sessions < 4 {
            findings.append(
                .note(
                    "token", "few-sessions", "the token allows \(sessions) sessions",
                    mend: "two are for login and key making, so \(max(1, sessions - 2)) lanes can be had"))
        }
        return findings
    }
}

extension TokenQuirk {
    /// What an operator does about it; nil where the appliance has done it already.
    fileprivate var mend: String? {
        switch self {
        case .attributesNotFrozen:
            "whoever has the PIN can change what the token says of a key; rely on the device alone to keep it in"
        case .refusesAllowedMechanisms, .ignoresAllowedMechanisms:
            "whoever has the PIN can use a key with other mechanisms; use a token that binds them where that matters"
        case .historyHardWired: "keep the vendor's attestation of each key with its ceremony"
        case .oaepSHA1Only: "use it for development alone where secrets are sealed"
        case .noSessionKeys: "to see every algorithm tried, run the conformance suite (docs/hsm.md)"
        case .mechanismInfoLies, .serialisesKeyManagement, .publicUsesUnstated, .hashesRSAItself, .shortKeyID,
            .bareEdwardsPoint, .droppedOperationHoldsKey, .forgetsLostTokens:
            nil
        }
    }
}
