import Testing

@testable import Policy

/// Small alphabets, so that random policies and random requests meet often.
private struct Dice {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func one<T>(_ values: [T]) -> T { values[Int(next() % UInt64(values.count))] }

    mutating func chance(_ percent: UInt64) -> Bool { next() % 100 < percent }

    mutating func some<T: Hashable>(_ values: [T], _ percent: UInt64 = 60) -> [T] {
        let chosen = values.filter { _ in chance(percent) }
        return chosen.isEmpty ? [one(values)] : chosen
    }

    mutating func maybe<T>(_ percent: UInt64, _ make: (inout Dice) -> T) -> T? {
        chance(percent) ? make(&self) : nil
    }
}

@Suite struct PolicyPropertyTests {
    private static let names = ["a", "b", "c"]
    private static let locations = ["x/a", "x/b", "x/ab/a", "x/a/b", "x/b?q", "x/abab"]
    private static let patterns = [
        "x/a", "x/*", "x/*/*", "x/{identifier}", "x/*b", "x/a*/{identifier}", "*/*b*", "x/b?*",
    ]

    private func conditions(_ dice: inout Dice, mandatory: Bool) -> Conditions {
        let names = PolicyPropertyTests.names
        let percent: UInt64 = mandatory ? 100 : 25
        var result = Conditions()
        result.target = dice.maybe(percent) { $0.one(["t", "t", "u"]) }
        result.gateways = dice.maybe(percent) { $0.some(names) }
        result.usersAbsent = dice.chance(10)
        result.users = dice.maybe(result.usersAbsent ? 0 : percent) { dice in
            .init(
                issuer: dice.one(["i", "i", "j"]), subjects: dice.maybe(30) { $0.some(names) },
                anyGroup: dice.maybe(40) { $0.some(names) })
        }
        result.agents = dice.maybe(30) { .init(issuer: $0.one(["i", "j"]), subjects: $0.some(names)) }
        result.tools = dice.maybe(mandatory ? 70 : 25) { $0.some(names) }
        if result.tools != nil || !mandatory {
            result.actions = dice.maybe(35) { $0.some(names) }
            result.locations = dice.maybe(45) { $0.some(PolicyPropertyTests.patterns, 30) }
            result.identifiers = dice.maybe(15) { $0.some(names) }
        }
        return result
    }

    private func request(_ dice: inout Dice) -> AccessRequest {
        let names = PolicyPropertyTests.names
        return AccessRequest(
            gateway: dice.one(names),
            user: dice.maybe(90) { dice in
                .init(
                    issuer: dice.one(["i", "i", "j"]), subject: dice.one(names),
                    groups: dice.maybe(80) { dice in
                        dice.chance(15) ? [] : dice.some(names)
                    })
            },
            agent: dice.maybe(70) { .init(issuer: $0.one(["i", "j"]), subject: $0.one(names)) },
            target: dice.one(["t", "t", "u"]),
            invocation: dice.maybe(75) { dice in
                ToolInvocation(
                    tool: dice.one(names), actions: dice.chance(25) ? [] : dice.some(names, 30),
                    locations: dice.chance(25) ? [] : dice.some(PolicyPropertyTests.locations, 15),
                    identifier: dice.maybe(70) { $0.one(names) }, argumentsSHA256: dice.maybe(70) { _ in "hash" })
            },
            scopes: dice.maybe(70) { $0.some(names, 30) }, facts: dice.chance(70) ? [.actorBound, .dpop] : [.dpop])
    }

    private func policy(_ dice: inout Dice) throws -> (PolicySet, ReferencePolicy) {
        var rules: [Rule] = []
        for number in 0..<(1 + dice.next() % 8) {
            let conditions = conditions(&dice, mandatory: true)
            let demands: [Requirement] = conditions.tools == nil ? [.actorBound, .dpop] : Requirement.allCases
            rules.append(
                Rule(
                    id: "r\(number)", conditions: conditions,
                    scopes: dice.maybe(90) { $0.some(PolicyPropertyTests.names) },
                    requirements: dice.chance(20) ? dice.some(demands, 30) : []))
        }
        var denials: [DenialRule] = []
        for number in 0..<(dice.next() % 3) {
            let conditions = conditions(&dice, mandatory: false)
            let scopes = dice.maybe(20) { $0.some(PolicyPropertyTests.names, 20) }
            if conditions.isEmpty, scopes == nil { continue }
            denials.append(DenialRule(id: "d\(number)", conditions: conditions, scopes: scopes))
        }
        return (try PolicySet(rules: rules, denials: denials), ReferencePolicy(rules: rules, denials: denials))
    }

    @Test("the policy decides as its definition does", arguments: [1, 2, 3, 4] as [UInt64])
    func reference(seed: UInt64) async throws {
        var dice = Dice(seed: seed)
        var granted = 0
        for _ in 0..<400 {
            await Task.yield()
            let (policy, reference) = try policy(&dice)
            for _ in 0..<25 {
                let request = request(&dice)
                let expected = reference.decide(request)
                if expected != nil { granted += 1 }
                var decided: String?
                if case .granted(let id) = Fixtures.decide(policy, request) { decided = id }
                try #require(decided == expected, "\(policy.rules) \(policy.denials) \(request)")
                let explanations = try policy.explain(request)
                let isDenied = explanations.contains { $0.effect == .denies && $0.matches }
                let first = explanations.first { $0.effect == .grants && $0.matches }?.id
                try #require((isDenied ? nil : first) == expected)
            }
        }
        // The property says nothing if requests are hardly ever granted.
        #expect(granted > 200)
    }
}
