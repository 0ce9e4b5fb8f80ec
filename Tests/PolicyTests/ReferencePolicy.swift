@testable import Policy

/// The meaning of a policy in as few lines as possible, without an index and without compiled patterns.
struct ReferencePolicy {
    let rules: [Rule]
    let denials: [DenialRule]

    /// The id of the first rule that grants the request, or nil.
    func decide(_ request: AccessRequest) -> String? {
        let isDenied = denials.contains { denial in
            holds(denial.conditions, request, absent: true)
                && (denial.scopes == nil || request.scopes == nil
                    || request.scopes!.contains { denial.scopes!.contains($0) })
        }
        if isDenied { return nil }
        return rules.first { rule in
            holds(rule.conditions, request, absent: false)
                && (rule.conditions.tools != nil || request.invocation == nil)
                && rule.requirements.allSatisfy { request.satisfies($0) }
                && (request.scopes ?? []).allSatisfy { (rule.scopes ?? []).contains($0) }
        }?.id
    }

    private func holds(_ named: Conditions, _ request: AccessRequest, absent: Bool) -> Bool {
        let (details, user) = (request.invocation, request.user)
        func one(_ names: [String]?, _ value: String?) -> Bool {
            names == nil || (value.map(names!.contains) ?? absent)
        }
        func list(_ names: [String]?, _ values: [String], _ test: (String, String) -> Bool) -> Bool {
            guard let names else { return true }
            if values.isEmpty { return absent }
            let covered = values.map { value in names.contains { test($0, value) } }
            return absent ? covered.contains(true) : !covered.contains(false)
        }
        if named.usersAbsent, user != nil { return false }
        if let users = named.users {
            guard let user else { return false }
            let groups = users.anyGroup.map { names in user.groups.map { !Set($0).isDisjoint(with: names) } ?? absent }
            guard users.issuer == user.issuer, users.subjects?.contains(user.subject) != false, groups != false else {
                return false
            }
        }
        return one(named.target.map { [$0] }, request.target) && one(named.gateways, request.gateway)
            && one(named.agents.map { [$0.issuer] }, request.agent?.issuer)
            && one(named.agents?.subjects, request.agent?.subject) && one(named.tools, details?.tool)
            && list(named.actions, details?.actions ?? [], ==)
            && list(named.locations, details?.locations ?? []) { pattern, location in
                let path = absent && !pattern.contains("?") ? location.prefix { $0 != "?" } : location[...]
                return glob(Array(pattern), Array(path), details?.identifier, absent)
            }
            && one(named.identifiers, details?.identifier)
    }

    /// Tries every length of every star.
    private func glob(_ pattern: [Character], _ text: [Character], _ identifier: String?, _ absent: Bool) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == "{" {
            let rest = Array(pattern.dropFirst("{identifier}".count))
            guard let identifier else { return absent && glob(["*"] + rest, text, nil, absent) }
            return text.starts(with: identifier)
                && glob(rest, Array(text.dropFirst(identifier.count)), identifier, absent)
        }
        guard first == "*" else {
            return text.first == first && glob(Array(pattern.dropFirst()), Array(text.dropFirst()), identifier, absent)
        }
        let longest = text.prefix { $0 != "/" && $0 != "?" }.count
        return longest > 0
            && (1...longest).contains {
                glob(Array(pattern.dropFirst()), Array(text.dropFirst($0)), identifier, absent)
            }
    }
}
