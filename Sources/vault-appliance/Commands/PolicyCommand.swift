import ArgumentParser
import Policy
import StrictEncoding
import VaultAppliance

/// `policy`: what the rules would say.
struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Ask the policy without asking for a credential.",
        subcommands: [Explain.self, PolicyTestCommand.self])

    struct Explain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what each rule makes of a request, and what comes of it.",
            discussion:
                "Exits 0 when the request would be granted, 1 when it would be refused. A client, target or issuer that the "
                + "configuration does not have is bad usage (64). Needs no running appliance.")

        @OptionGroup var options: ConfigurationOption
        @Option(help: "The gateway: its client id, or the name in its certificate, as the policy writes it.")
        var gateway: String
        @Option(help: "The user's subject; left out, a client asks for itself.") var user: String?
        @Option(help: "Name of the user's issuer; needed where several are configured.") var userIssuer: String?
        @Option(help: "The user's groups, separated by commas; left out, the user has no such claim.") var groups:
            String?
        @Option(help: "The agent's subject.") var agent: String?
        @Option(help: "Name of the agent's issuer; needed where several are configured.") var agentIssuer: String?
        @Option(help: "The target: its name or audience.") var target: String
        @Option(help: "Tool to be called.") var tool: String?
        @Option(help: "Action; may be repeated.") var action: [String] = []
        @Option(help: "Location; may be repeated.") var location: [String] = []
        @Option(help: "Identifier of the one object.") var identifier: String?
        @Option(name: .customLong("arguments-sha256"), help: "SHA-256 of the arguments in base64url.")
        var argumentsSHA256: String?
        @Option(help: "Scope, values separated by spaces.") var scope: String?
        @Option(help: "How long it is asked for, in seconds; left out, as long as the rule says.") var expiresIn: Int64?
        @Option(help: "What has been proven: actor_bound, dpop; may be repeated.") var proven: [Requirement] = []
        @Flag(help: "Print JSON for machines.") var json = false

        func validate() throws {
            guard expiresIn ?? 1 > 0 else { throw ValidationError("--expires-in: a positive number of seconds") }
            let parts = !action.isEmpty || !location.isEmpty || identifier != nil || argumentsSHA256 != nil
            guard tool != nil || !parts else {
                throw ValidationError("--tool is missing: the rest belongs to its call")
            }
        }

        func run() async throws {
            let source = try ConfigurationBundle.load(file: options.config)
            let policy = source.policy
            let request = try request(source.configuration)
            let explanations = try policy.explain(request)
            do throws(Denial) {
                let grant = try policy.grant(request, now: systemClock().seconds)
                show(explanations, grant)
            } catch {
                show(explanations, error)
                throw ExitCode.failure
            }
        }

        private func show(_ explanations: [RuleExplanation], _ grant: borrowing Grant) {
            let granted = grant.lifetime.granted(asked: expiresIn)
            let scopes = grant.scopes
            guard json else {
                explanations.forEach { print($0.line) }
                return print(
                    "granted by \(grant.ruleID): scope [\(scopes.joined(separator: " "))], \(granted) s "
                        + "(the rule's most: \(grant.lifetime.max) s)")
            }
            Terminal.print(json: [
                "decision": "granted", "rule": .string(grant.ruleID),
                "scopes": .array(scopes.map { .string($0) }), "lifetime": .integer(granted),
                "rules": Self.json(explanations),
            ])
        }

        private func show(_ explanations: [RuleExplanation], _ denial: Denial) {
            guard json else {
                explanations.forEach { print($0.line) }
                let rule = denial.ruleID.map { denial.code == .deniedByRule ? " (\($0))" : " (nearest: rule \($0))" }
                return print("refused: \(denial.code.rawValue): \(denial.reason)\(rule ?? "")")
            }
            Terminal.print(json: [
                "decision": "refused", "code": .string(denial.code.rawValue), "reason": .string(denial.reason),
                "rule": denial.ruleID.map { .string($0) } ?? .null, "rules": Self.json(explanations),
            ])
        }

        private static func json(_ explanations: [RuleExplanation]) -> JSONValue {
            .array(
                explanations.map { explanation in
                    [
                        "id": .string(explanation.id), "effect": .string(explanation.effect.rawValue),
                        "matches": .bool(explanation.matches),
                        "failed": explanation.failed.map { .string($0.rawValue) } ?? .null,
                        "line": .string(explanation.line),
                    ]
                })
        }

        private func request(_ configuration: Configuration) throws -> AccessRequest {
            guard let client = configuration.clientIDs[gateway] else {
                throw unknown("--gateway", gateway, "client", configuration.clients.map(\.id))
            }
            guard let known = configuration.target(named: target) else {
                throw unknown("--target", target, "target", configuration.targets.map(\.name))
            }
            return AccessRequest(
                gateway: client,
                user: try user.map {
                    .init(
                        issuer: try issuer(userIssuer, roles: [.subject, .partner], configuration), subject: $0,
                        groups: groups.map { $0.split(separator: ",").map(String.init) })
                },
                agent: try agent.map {
                    .init(issuer: try issuer(agentIssuer, roles: [.actor], configuration), subject: $0)
                },
                target: known.name,
                invocation: tool.map {
                    ToolInvocation(
                        tool: $0, actions: action, locations: location, identifier: identifier,
                        argumentsSHA256: argumentsSHA256)
                },
                scopes: scope.map { $0.split(separator: " ").map(String.init) }, facts: Set(proven))
        }

        private func issuer(
            _ name: String?, roles: [Configuration.Issuer.Role], _ configuration: Configuration
        ) throws -> String {
            let candidates = configuration.issuers.filter { $0.roles.contains { roles.contains($0) } }
            if let name {
                guard roles == [.actor] || candidates.contains(where: { $0.name == name }) else {
                    throw unknown("--user-issuer", name, "issuer of users", candidates.map(\.name))
                }
                // Agents may also be of the users' issuer, or of a trust domain.
                guard roles != [.actor] || configuration.agentIssuers.contains(name) else {
                    throw unknown("--agent-issuer", name, "issuer of agents", configuration.agentIssuers)
                }
                return name
            }
            guard let only = candidates.first, candidates.count == 1 else {
                throw ValidationError(
                    "name the issuer of the \(roles[0].rawValue): " + candidates.map(\.name).joined(separator: ", "))
            }
            return only.name
        }

        private func unknown(_ option: String, _ name: String, _ kind: String, _ known: [String]) -> ValidationError {
            ValidationError("\(option): the configuration has no \(kind) \(name): \(known.joined(separator: ", "))")
        }
    }
}

extension Requirement: ExpressibleByArgument {}
