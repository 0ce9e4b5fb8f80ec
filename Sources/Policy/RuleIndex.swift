/// Finds the few rules that could match a request without looking at the others.
///
/// Every rule is filed once, under the member that tells it apart best: the one whose values the fewest rules name. A
/// look-up therefore costs the same for ten rules and for ten thousand, whether they differ by target, gateway, user,
/// group, agent, tool or action. The index leaves out no rule that matches, and may offer some that do not.
struct RuleIndex: Sendable {
    private enum Dimension: Int, CaseIterable {
        case userSubject, agent, tool, userGroup, gateway, action, target, userIssuer
    }

    /// Where a rule is filed: names of users, groups and agents mean something together with their issuer alone.
    private struct Key: Hashable {
        let dimension: Dimension
        let issuer: String
        let name: String
    }

    private let reading: CompiledConditions.Reading
    private var filed: [Key: [Int]] = [:]
    private var byDimension = [[Int]](repeating: [], count: Dimension.allCases.count)
    private var unfiled: [Int] = []

    /// An index of conditions by their position.
    init(_ conditions: [Conditions], reading: CompiledConditions.Reading) {
        self.reading = reading
        let keys = conditions.map { RuleIndex.keys(of: $0, reading: reading) }
        var frequency: [Key: Int] = [:]
        for dimensions in keys {
            for key in dimensions.joined() { frequency[key, default: 0] += 1 }
        }
        for (position, dimensions) in keys.enumerated() {
            let costs = dimensions.map { names in names.map { frequency[$0] ?? 0 }.max() ?? Int.max }
            guard let best = costs.indices.min(by: { costs[$0] < costs[$1] }), !dimensions[best].isEmpty else {
                unfiled.append(position)
                continue
            }
            for key in dimensions[best] { filed[key, default: []].append(position) }
            byDimension[best].append(position)
        }
    }

    /// Positions of the conditions that could match, ascending.
    func candidates(for request: AccessRequest) -> [Int] {
        var found = unfiled
        for dimension in Dimension.allCases where !byDimension[dimension.rawValue].isEmpty {
            collect(dimension, request, into: &found)
        }
        guard found.count > 1 else { return found }
        found.sort()
        var unique: [Int] = []
        unique.reserveCapacity(found.count)
        for position in found where position != unique.last { unique.append(position) }
        return unique
    }

    private func collect(_ dimension: Dimension, _ request: AccessRequest, into found: inout [Int]) {
        let values = RuleIndex.values(of: dimension, in: request)
        // In a rule without tools `tool` is filed as an empty name, and means a request without details.
        if values.isEmpty, reading == .rule, dimension == .tool { return look(up: dimension, "", "", into: &found) }
        // What is absent from a request satisfies no rule and every denial.
        if values.isEmpty, reading == .denial { return found += byDimension[dimension.rawValue] }
        for value in values { look(up: dimension, value.issuer, value.name, into: &found) }
    }

    private func look(up dimension: Dimension, _ issuer: String, _ name: String, into found: inout [Int]) {
        if let positions = filed[Key(dimension: dimension, issuer: issuer, name: name)] { found += positions }
    }

    private static func values(of dimension: Dimension, in request: AccessRequest) -> [(issuer: String, name: String)] {
        let user = request.user
        switch dimension {
        case .target: return [("", request.target)]
        case .gateway: return [("", request.gateway)]
        case .userIssuer: return user.map { [($0.issuer, "")] } ?? []
        case .userSubject: return user.map { [($0.issuer, $0.subject)] } ?? []
        // A user without this claim matches denials by group of that issuer; an empty claim matches none.
        case .userGroup:
            guard let user else { return [] }
            return user.groups.map { $0.isEmpty ? [("", "")] : $0.map { (user.issuer, $0) } } ?? []
        case .agent: return request.agent.map { [($0.issuer, $0.subject)] } ?? []
        case .tool: return request.invocation.map { [("", $0.tool)] } ?? []
        case .action: return request.invocation?.actions.map { ("", $0) } ?? []
        }
    }

    /// The keys under which conditions may be filed, by dimension; none for what they do not name.
    private static func keys(of conditions: Conditions, reading: CompiledConditions.Reading) -> [[Key]] {
        Dimension.allCases.map { dimension in
            switch dimension {
            case .target: conditions.target.map { [Key(dimension: dimension, issuer: "", name: $0)] } ?? []
            case .gateway: make(dimension, "", conditions.gateways)
            case .userIssuer: make(dimension, conditions.users?.issuer ?? "", conditions.users == nil ? nil : [""])
            case .userSubject: make(dimension, conditions.users?.issuer ?? "", conditions.users?.subjects)
            case .userGroup: make(dimension, conditions.users?.issuer ?? "", conditions.users?.anyGroup)
            case .agent: make(dimension, conditions.agents?.issuer ?? "", conditions.agents?.subjects)
            case .tool: make(dimension, "", conditions.tools ?? (reading == .rule ? [""] : nil))
            case .action: make(dimension, "", conditions.actions)
            }
        }
    }

    private static func make(_ dimension: Dimension, _ issuer: String, _ names: [String]?) -> [Key] {
        names?.map { Key(dimension: dimension, issuer: issuer, name: $0) } ?? []
    }
}
