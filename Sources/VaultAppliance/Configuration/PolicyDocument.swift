package import Policy

/// A policy file, decoded and checked against the configuration it belongs to.
package struct PolicyDocument: Sendable {
    /// The file it was read from.
    package let file: String
    /// Its bytes, as they were decoded.
    package let bytes: [UInt8]
    /// The rules in force; gateways are named by client id, whatever name the file uses.
    package let policy: PolicySet

    /// The largest policy file that is read.
    static let maximumFileSize = 32 << 20

    /// Reads, decodes and checks a file; throws everything that is wrong with it at once.
    package static func load(
        file: String, configuration: Configuration
    ) throws(ConfigurationError) -> PolicyDocument {
        let bytes: [UInt8]
        do {
            bytes = try ConfigurationFile.read(file, limit: maximumFileSize)
        } catch {
            throw ConfigurationError(faults: [error.fault(file: file, limit: maximumFileSize)])
        }
        return try decode(bytes, file: file, configuration: configuration)
    }

    /// Decodes and checks the bytes of a file; without a configuration names are not checked.
    static func decode(
        _ bytes: [UInt8], file: String, configuration: Configuration?
    ) throws(ConfigurationError) -> PolicyDocument {
        let source = YAMLSource(file: file)
        let root = source.read(bytes)
        _ = root.required("version", .integer(1...1, mend: "this build reads version 1"))
        var rules = root.sections("rules", Rule.init)
        var denials = root.sections("denials", isRequired: false, DenialRule.init)
        root.finish()
        if let configuration, !source.hasFaults(under: "") {
            let names = PolicyNames(configuration, source)
            for position in rules.indices { names.resolve(&rules[position], at: position) }
            for position in denials.indices { names.resolve(&denials[position], at: position) }
            names.checkFederations(rules)
        }
        do throws(PolicyError) {
            let policy = try PolicySet(rules: rules, denials: denials)
            if source.faults.isEmpty { return PolicyDocument(file: file, bytes: bytes, policy: policy) }
        } catch {
            for fault in error.faults where !source.isCovered(fault.path) {
                source.fault(fault.path, fault.message, mend: fault.mend)
            }
        }
        throw ConfigurationError(faults: source.faults)
    }
}

extension Rule {
    init(_ section: YAMLSection) {
        let id = section.required("id", .anyText)
        let conditions = Conditions(section)
        let scopes = section.uncheckedList("scopes", .anyText)
        let lifetime = section.optionalSection("lifetime") { lifetime in
            let value = Lifetime(
                default: lifetime.required("default", .duration(1...86_400)),
                max: lifetime.required("max", .duration(1...86_400)))
            lifetime.finish()
            // Placeholders would not fit together.
            return lifetime.source.hasFaults(under: lifetime.path) ? Lifetime.standard : value
        }
        let requirements = section.uncheckedList("require", .choice(Requirement.actorBound)) ?? []
        let isSound = !section.source.hasFaults(under: section.field("require"))
        section.finish()
        self.init(
            id: id, conditions: conditions, scopes: scopes, lifetime: lifetime ?? .standard,
            requirements: isSound ? requirements : [])
    }
}

extension DenialRule {
    init(_ section: YAMLSection) {
        let id = section.required("id", .anyText)
        let conditions = Conditions(section)
        let scopes = section.uncheckedList("scopes", .anyText)
        section.finish()
        self.init(id: id, conditions: conditions, scopes: scopes)
    }
}

extension Conditions {
    init(_ section: YAMLSection) {
        self.init()
        gateways = section.uncheckedList("gateways", .anyText)
        agents = section.optionalSection("agents") { agents in
            let value = Agents(
                issuer: agents.required("issuer", .anyText), subjects: agents.list("subjects", .anyText))
            agents.finish()
            return value
        }
        // The one word is no mapping, and reading it as one would be a fault.
        usersAbsent = section.isWord("users", "none")
        if !usersAbsent { users = section.optionalSection("users", Users.init) }
        target = section.optional("target", .anyText)
        tools = section.uncheckedList("tools", .anyText)
        actions = section.uncheckedList("actions", .anyText)
        locations = section.uncheckedList("locations", .anyText)
        identifiers = section.uncheckedList("identifiers", .anyText)
    }
}

extension Conditions.Users {
    init(_ users: YAMLSection) {
        self.init(
            issuer: users.required("issuer", .anyText), subjects: users.uncheckedList("subjects", .anyText),
            anyGroup: users.uncheckedList("any_group", .anyText))
        users.finish()
    }
}
