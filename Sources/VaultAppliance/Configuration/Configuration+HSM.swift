extension Configuration {
    /// The PKCS#11 tokens: one written out, or a list.
    package struct HSM: Sendable, Equatable {
        /// One PKCS#11 token and how busy it is kept.
        package struct Token: Sendable, Equatable {
            /// Where it stands in the file, as in `hsm.tokens[1]`; `hsm` when it is the only one.
            package let field: String
            /// Path of the PKCS#11 library.
            package let module: String
            /// PKCS#11 URI of the token (RFC 7512).
            package let token: String
            /// Path of the file with the PIN; only under development custody.
            package let pinFile: String?
            /// Sessions that work side by side.
            package let lanes: Int
            /// Requests that may wait for a lane.
            package let queue: Int
        }

        /// At least one, the preferred one first: it signs checkpoints as long as it can.
        package let tokens: [Token]
    }
}

extension Configuration.HSM {
    /// How many tokens one appliance may have.
    private static let maximumTokens = 16
    private static let alternatives: [[String]] = [["module", "token"], ["tokens"]]

    init(_ section: YAMLSection, _ paths: PathFormat) {
        section.demandOne(of: Self.alternatives)
        let list = section.sections("tokens", isRequired: false) { section in
            let token = Token(section, paths, field: section.path, isRequired: true)
            section.finish()
            return token
        }
        let isList = section.has("tokens")
        let single = Token(section, paths, field: "hsm", isRequired: !isList)
        if isList { Self.check(list, section) }
        tokens = isList ? list : [single]
        section.finish()
    }

    private static func check(_ tokens: [Token], _ section: YAMLSection) {
        for name in ["module", "token", "pin_file", "lanes", "queue"] where section.has(name) {
            section.fault(name, "stands beside tokens", mend: "move it into an element of tokens")
        }
        if tokens.isEmpty { section.fault("tokens", "is empty", mend: "name at least one token") }
        if tokens.count > maximumTokens {
            section.fault("tokens", "has more than \(maximumTokens) elements", mend: "name fewer tokens")
        }
        var seen: Set<[String]> = []
        for token in tokens where !token.token.isEmpty && !seen.insert([token.module, token.token]).inserted {
            section.source.fault("\(token.field).token", "stands twice", mend: "name each token once")
        }
    }
}

extension Configuration.HSM.Token {
    fileprivate init(_ section: YAMLSection, _ paths: PathFormat, field: String, isRequired: Bool) {
        self.field = field
        module =
            isRequired
            ? section.required("module", paths.path, inSchema: field != "hsm")
            : section.optional("module", paths.path) ?? ""
        token =
            isRequired
            ? section.required("token", .tokenURI, inSchema: field != "hsm")
            : section.optional("token", .tokenURI) ?? ""
        pinFile = section.optional("pin_file", paths.path)
        lanes = Int(section.optional("lanes", default: 2, .integer(1...64, mend: "start with one lane a core")))
        queue = Int(
            section.optional("queue", default: 1024, .integer(1...65_536, mend: "choose a bound in that range")))
    }
}
