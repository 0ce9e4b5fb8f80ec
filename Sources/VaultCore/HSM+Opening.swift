import Custody
import HSMBridge

extension HSM {
    /// Opens a configured token and logs in with the PIN file that development custody admits.
    static func open(
        _ token: CoreSettings.Token, file: String, quarantine: KeyQuarantine = KeyQuarantine()
    ) async throws(StartError) -> HSM {
        guard let pinFile = token.pinFile else {
            throw StartError(
                file: file, field: "\(token.field).pin_file", problem: "is missing",
                mend: "under development custody the core reads its PIN from a file", isPermanent: true)
        }
        do throws(HSMError) {
            return try await HSM.open(
                modulePath: token.module, token: try TokenURI(token.uri), pin: try PIN(file: pinFile),
                configuration: HSM.Configuration(token, quarantine))
        } catch {
            throw StartError(error, token, file: file)
        }
    }
}

extension HSM {
    /// Finds a configured token, and its entry in the manifest, without a PIN.
    static func find(
        _ token: CoreSettings.Token, settings: CoreSettings, manifest: Manifest
    ) async throws(StartError) -> (uri: TokenURI, info: TokenInfo, entry: ManifestToken) {
        let (uri, info): (TokenURI, TokenInfo)
        do throws(HSMError) {
            uri = try TokenURI(token.uri)
            info = try await HSM.find(modulePath: token.module, token: uri)
        } catch {
            throw StartError(error, token, file: settings.configurationFile)
        }
        return (uri, info, try manifest.token(serial: info.serial, token, file: settings.manifestFile))
    }

    /// Opens a configured token that the manifest names and logs in, once, with the PIN that custodians gave for it.
    ///
    /// Which token it is comes first: another one with the same label never sees a PIN. `pin` is asked by serial number,
    /// and once more right before the login: the library may have held the call up until long after the core was sealed.
    static func open(
        _ token: CoreSettings.Token, settings: CoreSettings, manifest: Manifest, quarantine: KeyQuarantine,
        pin: @escaping @Sendable (String) throws(HSMError) -> LockedBytes?
    ) async throws(StartError) -> HSM {
        let file = settings.configurationFile
        let (uri, info, entry) = try await find(token, settings: settings, manifest: manifest)
        do throws(HSMError) {
            guard try pin(entry.serial) != nil else {
                throw HSMError(
                    .sealed, function: nil, returnValue: nil, context: "no PIN was sealed for the token \(entry.serial)"
                )
            }
            return try await HSM.open(
                modulePath: token.module, token: uri.pinned(to: info),
                configuration: HSM.Configuration(token, quarantine)
            ) { () throws(HSMError) in
                guard let bytes = try pin(entry.serial) else {
                    throw HSMError(.sealed, function: nil, returnValue: nil, context: nil)
                }
                return try PIN(count: bytes.count) { room in
                    bytes.withSpan { bytes in for index in bytes.indices { room[index] = bytes[index] } }
                }
            }
        } catch {
            throw StartError(error, token, file: file)
        }
    }
}

extension HSM.Configuration {
    /// As the configuration has it for a token.
    fileprivate init(_ token: CoreSettings.Token, _ quarantine: KeyQuarantine) {
        self.init()
        lanes = token.lanes
        queue = token.queueCapacity
        self.quarantine = quarantine
    }
}

extension StartError {
    /// Why a configured token cannot be opened; a URI that is none stays one however often it is tried.
    fileprivate init(_ error: HSMError, _ token: CoreSettings.Token, file: String) {
        switch error.code {
        case .moduleNotFound, .moduleRefused, .moduleInUse:
            self.init(
                file: file, field: "\(token.field).module", problem: "\(error)",
                mend: "give the absolute path of the vendor's PKCS#11 library")
        case .sealed:
            self.init(
                file: file, field: "\(token.field).token", problem: "\(error)",
                mend: "have custodians activate the core; a token without a PIN is added by a ceremony")
        case .pinRefused where token.pinFile == nil, .pinKnownBad where token.pinFile == nil,
            .pinFinalTry where token.pinFile == nil, .pinLocked where token.pinFile == nil,
            .pinLength where token.pinFile == nil:
            self.init(
                file: file, field: "\(token.field).token", problem: "\(error)",
                mend: "the token's PIN is not the one that was sealed: see docs/recovery.md before anybody tries again")
        case .pinFileRefused, .pinRefused, .pinKnownBad, .pinFinalTry, .pinLocked, .pinLength:
            self.init(
                file: file, field: "\(token.field).pin_file", problem: "\(error)",
                mend:
                    "\(token.pinFile ?? "it") must be a regular file of the core's user, mode 0600, with the PIN alone")
        case .uriMalformed, .uriAttributeUnknown, .uriAttributeRepeated, .pinInURI, .pinSourceRefused:
            self.init(
                file: file, field: "\(token.field).token", problem: "\(error)",
                mend: "write it like pkcs11:token=LABEL;serial=SERIAL (RFC 7512)", isPermanent: true)
        default:
            self.init(
                file: file, field: "\(token.field).token", problem: "\(error)",
                mend: "list the tokens with: pkcs11-tool --module \(token.module) --list-slots")
        }
    }
}

extension Manifest {
    /// The entry of a token that was opened.
    func token(of hsm: HSM, _ settings: CoreSettings.Token, file: String) throws(StartError) -> ManifestToken {
        try token(serial: hsm.profile.info.serial, settings, file: file)
    }

    /// The entry of the token with this serial number.
    func token(serial: String, _ settings: CoreSettings.Token, file: String) throws(StartError) -> ManifestToken {
        guard let token = tokens.first(where: { $0.serial == serial }) else {
            throw StartError(
                file: file, field: "tokens", problem: "does not name the token with serial \(serial)",
                mend: "use the manifest that was written for this token, or correct \(settings.field).token")
        }
        return token
    }
}
