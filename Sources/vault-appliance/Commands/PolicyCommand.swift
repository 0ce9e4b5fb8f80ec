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
                "Exits 0 when the request would be granted, 1 when it would be refused. Needs no running appliance.")

        @OptionGroup var options: ConfigurationOption
        @Option(help: "Client id of the gateway.") var gateway: String
        @Option(help: "The user's subject; left out, a client asks for itself.") var user: String?
        @Option(help: "Name of the user's issuer; needed where several are configured.") var userIssuer: String?
        @Option(help: "The user's groups, separated by commas; left out, the user has no such claim.") var groups:
            String?
        @Option(help: "The agent's subject.") var agent: String?
        @Option(help: "Name of the agent's issuer; needed where several are configured.") var agentIssuer: String?
        @Option(help: "Name of the target.") var target: String
        @Option(help: "Tool to be called.") var tool: String?
        @Option(help: "Action; may be repeated.") var action: [String] = []
        @Option(help: "Location; may be repeated.") var location: [String] = []
        @Option(help: "Identifier of the one object.") var identifier: String?
        @Option(name: .customLong("arguments-sha256"), help: "SHA-256 of the arguments in base64url.")
        var argumentsSHA256: String?
        @Option(help: "Scope, values separated by spaces.") var scope: String?
        @Option(help: "How long it is asked for, in seconds; left out, as long as the rule says.") var expiresIn: Int64?
        @Option(help: "What has been proven: actor_bound, dpop; may be repeated.") var proven: [String] = []

        func validate() throws {
            guard expiresIn ?? 1 > 0 else { throw ValidationError("--expires-in: a positive number of seconds") }
        }

        func run() async throws {
            let source = try ConfigurationBundle.load(file: options.config)
            let policy = source.policy
            let request = try request(source.configuration)
            for explanation in try policy.explain(request) { print(explanation.line) }
            do throws(Denial) {
                let grant = try policy.grant(request, now: systemClock().seconds)
                print(
                    "granted by \(grant.ruleID): scope [\(grant.scopes.joined(separator: " "))], "
                        + "\(grant.lifetime.granted(asked: expiresIn)) s (the rule's most: \(grant.lifetime.max) s)")
            } catch {
                print("refused: \(error.code.rawValue): \(error.reason)")
                throw ExitCode.failure
            }
        }

        private func request(_ configuration: Configuration) throws -> AccessRequest {
            let facts = try proven.map { name in
                guard let fact = Requirement(rawValue: name) else {
                    throw CommandFailure("--proven: \(name) is not known")
                }
                return fact
            }
            return AccessRequest(
                gateway: gateway,
                user: try user.map {
                    .init(
                        issuer: try issuer(userIssuer, roles: [.subject, .partner], configuration), subject: $0,
                        groups: groups.map { $0.split(separator: ",").map(String.init) })
                },
                agent: try agent.map {
                    .init(issuer: try issuer(agentIssuer, roles: [.actor], configuration), subject: $0)
                },
                target: target,
                invocation: tool.map {
                    ToolInvocation(
                        tool: $0, actions: action, locations: location, identifier: identifier,
                        argumentsSHA256: argumentsSHA256)
                },
                scopes: scope.map { $0.split(separator: " ").map(String.init) }, facts: Set(facts))
        }

        private func issuer(
            _ name: String?, roles: [Configuration.Issuer.Role], _ configuration: Configuration
        ) throws -> String {
            if let name { return name }
            let candidates = configuration.issuers.filter { $0.roles.contains { roles.contains($0) } }
            guard let only = candidates.first, candidates.count == 1 else {
                throw CommandFailure(
                    "name the issuer of the \(roles[0].rawValue): " + candidates.map(\.name).joined(separator: ", "))
            }
            return only.name
        }
    }
}
