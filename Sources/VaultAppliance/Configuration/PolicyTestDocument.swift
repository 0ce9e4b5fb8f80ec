package import Policy

/// A file of requests and what the policy is to make of each: the input of `policy test`.
package struct PolicyTestDocument: Sendable {
    /// What is expected of one request.
    package enum Expectation: Sendable, Equatable {
        /// This rule grants it, with these scopes and this lifetime in seconds where the file names them.
        case granted(rule: String, scopes: [String]?, lifetime: Int64?)
        /// It is refused with this code, by this rule or denial where the file names one.
        case refused(Denial.Code, rule: String?)
    }

    /// One request with its expectation.
    package struct Case: Sendable, Equatable {
        /// What it shows; unique within the file.
        package let name: String
        /// The request, as if it had been authenticated.
        package let request: AccessRequest
        /// How long it is asked for, in seconds; nil when the request leaves it open.
        package let expiresIn: Int64?
        /// What is to come of it.
        package let expectation: Expectation
    }

    /// The cases in file order.
    package let cases: [Case]

    /// The largest file that is read.
    static let maximumFileSize = 4 << 20

    /// Reads, decodes and checks a file; throws everything that is wrong with it at once.
    package static func load(
        file: String, configuration: Configuration
    ) throws(ConfigurationError) -> PolicyTestDocument {
        let bytes: [UInt8]
        do {
            bytes = try ConfigurationFile.read(file, limit: maximumFileSize)
        } catch {
            throw ConfigurationError(faults: [error.fault(file: file, limit: maximumFileSize)])
        }
        let source = YAMLSource(file: file)
        let root = source.read(bytes)
        _ = root.required("version", .integer(1...1, mend: "this build reads version 1"))
        let names = configuration.clientIDs
        let cases = root.sections("tests") { Case($0, names) }
        root.finish()
        if cases.isEmpty, !source.hasFaults(under: "tests") {
            source.fault("tests", "is empty", mend: "write at least one request and what is to come of it")
        }
        var seen: Set<String> = []
        for (index, test) in cases.enumerated() where !test.name.isEmpty && !seen.insert(test.name).inserted {
            source.fault("tests[\(index)].name", "stands twice", mend: "give each test its own")
        }
        guard source.faults.isEmpty else { throw ConfigurationError(faults: source.faults) }
        return PolicyTestDocument(cases: cases)
    }
}

extension PolicyTestDocument.Case {
    fileprivate init(_ section: YAMLSection, _ clientIDs: [String: String]) {
        name = section.required("name", .anyText)
        let gateway = section.required("gateway", .anyText)
        // `none` says that a client asks for itself; a test that names no user by oversight would pass as one.
        let isUserless = section.isWord("user", "none")
        let user: AccessRequest.User? =
            isUserless ? nil : AccessRequest.User(section.section("user"))
        let agent = section.optionalSection("agent") { agent in
            let value = AccessRequest.Agent(
                issuer: agent.required("issuer", .anyText), subject: agent.required("subject", .anyText))
            agent.finish()
            return value
        }
        request = AccessRequest(
            gateway: clientIDs[gateway] ?? gateway, user: user, agent: agent,
            target: section.required("target", .anyText),
            invocation: Self.invocation(section), scopes: section.uncheckedList("scopes", .anyText),
            facts: Set(section.optionalList("proven", .choice(Requirement.actorBound)) ?? []))
        expiresIn = section.optional("expires_in", .duration(1...86_400))
        expectation = .init(section.section("expect"))
        section.finish()
    }

    /// The tool call; its parts mean nothing without a tool.
    private static func invocation(_ section: YAMLSection) -> ToolInvocation? {
        let tool = section.optional("tool", .anyText)
        let invocation = ToolInvocation(
            tool: tool ?? "", actions: section.uncheckedList("actions", .anyText) ?? [],
            locations: section.uncheckedList("locations", .anyText) ?? [],
            identifier: section.optional("identifier", .anyText),
            argumentsSHA256: section.optional("arguments_sha256", .anyText))
        guard tool == nil else { return invocation }
        for name in ["actions", "locations", "identifier", "arguments_sha256"] where section.has(name) {
            section.fault(name, "belongs to a tool call", mend: "name the tool, or remove it")
        }
        return nil
    }
}

extension AccessRequest.User {
    fileprivate init(_ section: YAMLSection) {
        self.init(
            issuer: section.required("issuer", .anyText), subject: section.required("subject", .anyText),
            groups: section.uncheckedList("groups", .anyText))
        section.finish()
    }
}

extension PolicyTestDocument.Expectation {
    fileprivate init(_ section: YAMLSection) {
        let rule = section.optional("granted_by", .anyText)
        let code = section.optional("refused", .choice(Denial.Code.noMatchingRule))
        let scopes = section.uncheckedList("scopes", .anyText)
        let lifetime = section.optional("lifetime", .duration(1...86_400))
        let refusing = section.optional("refused_by", .anyText)
        section.finish()
        if (rule == nil) == (code == nil) {
            section.fault(
                rule == nil ? "granted_by" : "refused", rule == nil ? "is missing" : "stands beside granted_by",
                mend: "say either granted_by: RULE or refused: CODE")
        }
        for name in ["scopes", "lifetime"] where code != nil && section.has(name) {
            section.fault(name, "belongs to a grant", mend: "remove it")
        }
        if refusing != nil, code == nil {
            section.fault("refused_by", "belongs to a refusal", mend: "remove it, or say refused: CODE")
        }
        if let code {
            self = .refused(code, rule: refusing)
        } else {
            self = .granted(rule: rule ?? "", scopes: scopes, lifetime: lifetime)
        }
    }
}
