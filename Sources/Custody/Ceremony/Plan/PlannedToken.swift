package import StrictEncoding

/// A PKCS#11 token that a ceremony takes into service.
package struct PlannedToken: Sendable, Equatable {
    /// How the token comes to have a user PIN.
    package enum Preparation: String, Sendable, CaseIterable {
        /// A vendor's tool has initialised it and set the PIN.
        case adopt
        /// The ceremony initialises it under the SO PIN.
        case initialise
    }

    /// What becomes of a PIN when the ceremony is done.
    package enum UserPIN: String, Sendable, CaseIterable {
        /// The ceremony sets a random one that nobody has seen.
        case replace
        /// It stays, for the token refuses C_SetPIN; whoever set it knows it.
        case keep
    }

    /// What becomes of the SO PIN.
    package enum SecurityOfficer: String, Sendable, CaseIterable {
        /// The ceremony sets a random one and forgets it: nobody can act as security officer again.
        case burn
        /// It stays with whoever holds its file.
        case file
        /// It was never ours: the HSM's team holds it.
        case team
    }

    /// Absolute path of the PKCS#11 library.
    package var module: String
    /// RFC 7512 URI; for a token to be initialised it names the label that it gets.
    package var uri: String
    package var preparation: Preparation
    /// Holds the PIN that the token has; nil when it is asked at the terminal.
    package var pinFile: String?
    package var userPIN: UserPIN
    package var securityOfficer: SecurityOfficer
    /// Holds the SO PIN; needed to initialise and to burn.
    package var soPINFile: String?

    /// A token to take into service.
    package init(
        module: String, uri: String, preparation: Preparation, pinFile: String?, userPIN: UserPIN,
        securityOfficer: SecurityOfficer, soPINFile: String?
    ) {
        self.module = module
        self.uri = uri
        self.preparation = preparation
        self.pinFile = pinFile
        self.userPIN = userPIN
        self.securityOfficer = securityOfficer
        self.soPINFile = soPINFile
    }

    /// Reads one of a plan's tokens.
    package init(_ reader: PlanReader) {
        module = reader.text("module", "must be an absolute path", mend: "give the vendor's PKCS#11 library") {
            $0.hasPrefix("/") && PlanReader.isLine($0)
        }
        uri = reader.text(
            "token", "must be a PKCS#11 URI without a PIN", mend: "write it like pkcs11:token=vault;serial=0123"
        ) { $0.hasPrefix("pkcs11:") && PlanReader.isLine($0) && !$0.contains("pin-") }
        preparation = reader.choice("prepare", of: Preparation.self, placeholder: .adopt)
        pinFile = reader.optionalPath("pin_file")
        userPIN = reader.choice("pin", of: UserPIN.self, missing: .replace, placeholder: .replace)
        securityOfficer = reader.choice("so_pin", of: SecurityOfficer.self, placeholder: .team)
        soPINFile = reader.optionalPath("so_pin_file")
        check(reader)
    }

    private func check(_ reader: PlanReader) {
        switch preparation {
        case .adopt where securityOfficer == .burn && soPINFile == nil:
            reader.fault("so_pin_file", "is missing", mend: "burning the SO PIN takes the one that the token has")
        case .initialise where soPINFile == nil:
            reader.fault("so_pin_file", "is missing", mend: "name the file that holds the SO PIN, mode 0600")
        case .initialise where securityOfficer == .team:
            reader.fault(
                "so_pin", "must be burn or file", mend: "a team that holds the SO PIN initialises its token itself")
        case .initialise where pinFile != nil:
            reader.fault("pin_file", "belongs to a token that is adopted", mend: "remove it: the PIN will be random")
        case .initialise where userPIN == .keep:
            reader.fault("pin", "must be replace", mend: "a token that is initialised gets a random PIN")
        default: break
        }
    }

    /// Reads a list of tokens.
    package static func list(_ reader: PlanReader, _ name: String, _ range: ClosedRange<Int>) -> [PlannedToken] {
        var tokens: [PlannedToken] = []
        for part in reader.parts(name, range) {
            let token = PlannedToken(part)
            part.finish()
            if !token.uri.isEmpty, tokens.contains(where: { $0.module == token.module && $0.uri == token.uri }) {
                part.fault("token", "stands twice", mend: "name each token once")
            }
            tokens.append(token)
        }
        return tokens
    }

    /// As it stands in a plan.
    package var json: JSONValue {
        var object = JSONObject()
        object["module"] = .string(module)
        object["token"] = .string(uri)
        object["prepare"] = .string(preparation.rawValue)
        object["pin"] = .string(userPIN.rawValue)
        object["so_pin"] = .string(securityOfficer.rawValue)
        if let pinFile { object["pin_file"] = .string(pinFile) }
        if let soPINFile { object["so_pin_file"] = .string(soPINFile) }
        return .object(object)
    }
}
