/// Checks what an operator wrote and compiles it; collects every fault instead of stopping at the first.
struct PolicyChecker {
    /// How many rules, and how many denials, a policy may hold.
    static let maximumRules = 100_000
    /// How many entries one list may hold.
    static let maximumEntries = 256
    /// The longest lifetime of a rule in seconds: a day.
    static let maximumLifetime: Int64 = 86_400

    private(set) var faults: [PolicyFault] = []
    private var ids: Set<String> = []

    mutating func compile(_ rules: [Rule]) -> [CompiledConditions] {
        check(count: rules.count, "rules")
        return rules.enumerated().map { position, rule in
            let path = "rules[\(position)]"
            check(id: rule.id, path)
            if rule.conditions.gateways == nil { missing("\(path).gateways", "the clients that may use this rule") }
            if rule.conditions.users == nil, !rule.conditions.usersAbsent {
                missing("\(path).users", "the users it is for, at least their issuer, or none")
            }
            if rule.conditions.target == nil { missing("\(path).target", "the target it grants") }
            check(details: rule, path)
            check(list: rule.scopes, "\(path).scopes", NameForm.isScope, allowsStar: true)
            check(rule.lifetime, "\(path).lifetime")
            check(unique: rule.requirements.map(\.rawValue), "\(path).require")
            return compile(rule.conditions, path, reading: .rule)
        }
    }

    mutating func compile(_ denials: [DenialRule]) -> [CompiledConditions] {
        check(count: denials.count, "denials")
        return denials.enumerated().map { position, denial in
            let path = "denials[\(position)]"
            check(id: denial.id, path)
            if denial.conditions.isEmpty, denial.scopes == nil {
                fault(path, "denies every request", "name what it denies, or remove it")
            }
            check(list: denial.scopes, "\(path).scopes", NameForm.isScope, allowsStar: true)
            return compile(denial.conditions, path, reading: .denial)
        }
    }

    private mutating func compile(
        _ conditions: Conditions, _ path: String, reading: CompiledConditions.Reading
    ) -> CompiledConditions {
        check(list: conditions.gateways, "\(path).gateways", NameForm.isName)
        if let users = conditions.users {
            check(name: users.issuer, "\(path).users.issuer")
            check(list: users.subjects, "\(path).users.subjects", NameForm.isName)
            check(list: users.anyGroup, "\(path).users.any_group", NameForm.isGroup)
        }
        if let agents = conditions.agents {
            check(name: agents.issuer, "\(path).agents.issuer")
            check(list: agents.subjects, "\(path).agents.subjects", NameForm.isName)
        }
        if let target = conditions.target { check(name: target, "\(path).target") }
        check(list: conditions.tools, "\(path).tools", NameForm.isName)
        check(list: conditions.actions, "\(path).actions", NameForm.isName)
        check(list: conditions.identifiers, "\(path).identifiers", NameForm.isName)
        let locations = compile(patterns: conditions.locations, "\(path).locations")
        return CompiledConditions(conditions, locations: locations, reading: reading)
    }

    private mutating func compile(patterns: [String]?, _ path: String) -> [LocationPattern]? {
        guard let patterns else { return nil }
        check(entries: patterns.count, path)
        check(unique: patterns, path)
        var compiled: [LocationPattern] = []
        for (index, text) in patterns.enumerated() {
            do throws(LocationPattern.Failure) {
                compiled.append(try LocationPattern(text))
            } catch {
                let (message, mend) = PolicyChecker.words(for: error)
                fault("\(path)[\(index)]", message, mend)
            }
        }
        return compiled
    }

    private mutating func check(details rule: Rule, _ path: String) {
        guard rule.conditions.tools == nil else { return }
        let mend = "name the tools, or remove this member"
        let message = "can never match: a rule without tools is for requests without details"
        if rule.conditions.actions != nil { fault("\(path).actions", message, mend) }
        if rule.conditions.locations != nil { fault("\(path).locations", message, mend) }
        if rule.conditions.identifiers != nil { fault("\(path).identifiers", message, mend) }
        if rule.requirements.contains(.argumentsSHA256) { fault("\(path).require", message, mend) }
    }

    private mutating func check(_ lifetime: Rule.Lifetime, _ path: String) {
        if !(1...PolicyChecker.maximumLifetime).contains(lifetime.max) {
            fault("\(path).max", "must be from 1 s to 24 h", "set it to the longest life a credential needs")
        }
        if lifetime.default < 1 {
            fault("\(path).default", "must be at least 1 s", "set it from 1 s to max")
        } else if lifetime.default > lifetime.max {
            fault("\(path).default", "is longer than max", "lower default or raise max")
        }
    }

    private mutating func check(id: String, _ path: String) {
        if !NameForm.isID(id) {
            fault("\(path).id", "is no id", "use 1 to 64 of a-z, 0-9, '.', '_' and '-'")
        } else if !ids.insert(id).inserted {
            fault("\(path).id", "stands twice", "give every rule and denial its own id")
        }
    }

    private mutating func check(name: String, _ path: String) {
        if !NameForm.isName(name) {
            fault(path, "has characters that cannot be compared exactly", "use visible ASCII, at most 512 characters")
        } else if name.utf8.contains(UInt8(ascii: "*")) {
            fault(
                path, "has a '*', but names match exactly", "write the name in full; patterns work in locations alone")
        }
    }

    private mutating func check(
        list: [String]?, _ path: String, _ isAcceptable: (String) -> Bool, allowsStar: Bool = false
    ) {
        guard let list else { return }
        check(entries: list.count, path)
        check(unique: list, path)
        for (index, name) in list.enumerated() {
            if isAcceptable(name) == false {
                fault(
                    "\(path)[\(index)]", "has characters that cannot be compared exactly",
                    "use visible ASCII, at most 512 characters")
            } else if !allowsStar {
                starless(name, "\(path)[\(index)]")
            }
        }
    }

    private mutating func starless(_ name: String, _ path: String) {
        guard name.utf8.contains(UInt8(ascii: "*")) else { return }
        fault(path, "has a '*', but names match exactly", "write the name in full; patterns work in locations alone")
    }

    private mutating func check(entries count: Int, _ path: String) {
        if count == 0 { fault(path, "is empty", "name at least one, or remove this member") }
        if count > PolicyChecker.maximumEntries {
            fault(path, "has more than \(PolicyChecker.maximumEntries) entries", "split the rule")
        }
    }

    private mutating func check(unique values: [String], _ path: String) {
        var seen: Set<String> = []
        for (index, value) in values.enumerated() where !seen.insert(value).inserted {
            fault("\(path)[\(index)]", "stands twice", "remove one")
        }
    }

    private mutating func check(count: Int, _ path: String) {
        if count > PolicyChecker.maximumRules {
            fault(path, "has more than \(PolicyChecker.maximumRules) entries", "merge rules that differ in one name")
        }
    }

    private mutating func missing(_ path: String, _ what: String) { fault(path, "is missing", "name \(what)") }

    private mutating func fault(_ path: String, _ message: String, _ mend: String) {
        faults.append(PolicyFault(path: path, message: message, mend: mend))
    }

    private static func words(for failure: LocationPattern.Failure) -> (message: String, mend: String) {
        switch failure {
        case .empty: ("is empty", "name a location")
        case .tooLong: ("is longer than \(LocationText.maximumLength) bytes", "shorten it")
        case .brace: ("has a brace that is not part of {identifier}", "write {identifier}, or remove the brace")
        case .adjacentStars: ("has '**'", "write '*' once for each path segment")
        case .unmatchable:
            (
                "matches no location that is accepted",
                "use lower-case scheme and host, no user, no default port, no '//', '.', '..' or '#'"
            )
        }
    }
}
