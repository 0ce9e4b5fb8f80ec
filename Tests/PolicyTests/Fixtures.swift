import Testing

@testable import Policy

/// The policy of the documentation and a request it grants; tests change one thing at a time.
enum Fixtures {
    static let opportunity =
        "https://acme.my.salesforce.com/services/data/v60.0/sobjects/Opportunity/0065g00000Xyz"

    static func rule(_ change: (inout Rule) -> Void = { _ in }) -> Rule {
        var rule = Rule(
            id: "crm-update",
            conditions: Conditions(
                gateways: ["spiffe://acme.example/gateway/mcp"],
                agents: .init(issuer: "agents", subjects: ["sales-assistant"]),
                users: .init(issuer: "corp", anyGroup: ["sales"]), target: "salesforce",
                tools: ["crm.update_opportunity"], actions: ["update"],
                locations: ["https://acme.my.salesforce.com/services/data/*/sobjects/Opportunity/{identifier}"]),
            scopes: ["api"], lifetime: .init(default: 30, max: 60),
            requirements: [.actorBound, .dpop, .argumentsSHA256])
        change(&rule)
        return rule
    }

    /// A rule for requests without details.
    static func scopeRule(_ change: (inout Rule) -> Void = { _ in }) -> Rule {
        var rule = Rule(
            id: "crm-read",
            conditions: Conditions(
                gateways: ["spiffe://acme.example/gateway/mcp"], users: .init(issuer: "corp", anyGroup: ["sales"]),
                target: "salesforce"),
            scopes: ["read", "list"], lifetime: .init(default: 10, max: 20))
        change(&rule)
        return rule
    }

    static func request(_ change: (inout AccessRequest) -> Void = { _ in }) -> AccessRequest {
        var request = AccessRequest(
            gateway: "spiffe://acme.example/gateway/mcp",
            user: .init(issuer: "corp", subject: "alice", groups: ["staff", "sales"]),
            agent: .init(issuer: "agents", subject: "sales-assistant"), target: "salesforce",
            invocation: ToolInvocation(
                tool: "crm.update_opportunity", actions: ["update"], locations: [opportunity],
                identifier: "0065g00000Xyz", argumentsSHA256: "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"),
            scopes: ["api"], facts: [.actorBound, .dpop])
        change(&request)
        return request
    }

    /// The id of the rule that grants, or the code of the refusal.
    static func decide(_ policy: PolicySet, _ request: AccessRequest) -> Decision {
        do throws(Denial) {
            let grant = try policy.grant(request, now: 1_795_000_000)
            return .granted(grant.ruleID)
        } catch {
            return .refused(error.code)
        }
    }
}

enum Decision: Equatable {
    case granted(String)
    case refused(Denial.Code)
}

/// One change to a request, with a name for the report of a table.
struct Change: Sendable, CustomTestStringConvertible {
    let name: String
    let apply: @Sendable (inout AccessRequest) -> Void

    init(_ name: String, _ apply: @escaping @Sendable (inout AccessRequest) -> Void) {
        self.name = name
        self.apply = apply
    }

    var testDescription: String { name }
}
