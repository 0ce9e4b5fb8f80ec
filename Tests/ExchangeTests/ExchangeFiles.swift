import Foundation
import StrictEncoding
import VaultAppliance
import VaultCore
import VaultTesting

/// The files of an appliance under test.
struct ExchangeFiles {
    let directory: String
    /// The tokens, the first of which decides what can be asked of them.
    let devices: [ExchangeDevice]
    var additions = ExchangeAdditions()

    func write(users: DevelopmentIssuer, agents: DevelopmentIssuer, gateway: DevelopmentIssuer) throws {
        try write("idp-jwks.json", JSONWriter.compact(.object(try users.jwks)))
        try write("agents-jwks.json", JSONWriter.compact(.object(try agents.jwks)))
        try write("gateway-jwks.json", JSONWriter.compact(.object(try gateway.jwks)))
        try write("ca.pem", Array(try Data(contentsOf: Self.examples.appending(path: "client-ca.pem"))))
        try write("config.yaml", Array(devices[0].adapted(configuration).utf8))
        try write("policy.yaml", Array(devices[0].adapted(policy).utf8))
    }

    private static let examples = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "hsm-config")

    private var hsm: String {
        let tokens = devices.map {
            "module: \"\($0.module)\", token: \"\($0.uri)\", pin_file: \"\($0.pinFile)\", lanes: 2"
        }
        guard tokens.count > 1 else { return "{\(tokens[0])}" }
        return "\n  tokens:\n" + tokens.map { "    - {\($0)}" }.joined(separator: "\n")
    }

    private func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(filePath: directory + "/" + name))
    }

    private var configuration: String {
        """
        version: 1
        issuer: https://vault.acme.example
        listeners:
          gateway: {host: 127.0.0.1, port: 8443, key: tls, certificate: g.pem, client_ca: ca.pem, external_url: "https://vault.acme.example:8443"}
          public: {host: 127.0.0.1, port: 8444, key: tls, certificate: p.pem, external_url: "https://vault.acme.example"}
          ops: {host: 127.0.0.1, port: 8445}
        core: {front_socket: front.sock, admin_socket: admin.sock, manifest: manifest.json, custody: development}
        hsm: \(hsm)
        keys:
          - {label: es256, purpose: signing, alg: ES256, types: ["at+jwt"], max_lifetime: 90s}
          - {label: rs256, purpose: signing, alg: RS256, types: ["at+jwt"], max_lifetime: 90s}
          - {label: ps256, purpose: signing, alg: PS256, types: ["at+jwt"], max_lifetime: 90s}
          - {label: eddsa, purpose: signing, alg: EdDSA, types: ["at+jwt"], max_lifetime: 90s}
          - {label: checkpoint, purpose: checkpoint, alg: EdDSA}
          - {label: tls, purpose: tls, alg: ES256}
        \(additions.keys)
        clients:
          - {id: gateway-mcp, auth: tls_client_auth, san_uri: "spiffe://acme.example/gateway/mcp"}
          - {id: gateway-jwt, auth: private_key_jwt, algorithms: [ES256, PS256, RS256, EdDSA], jwks_file: gateway-jwks.json, clock_skew: 10s}
        \(additions.clients)
        issuers:
          - {name: corp, issuer: "https://idp.acme.example", roles: [subject], audiences: ["https://vault.acme.example"], algorithms: [ES256, RS256, PS256, EdDSA], jwks_file: idp-jwks.json, max_subject_age: 1h, claims: {groups: groups}}
          - {name: agents, issuer: "https://agents.acme.example", roles: [actor], audiences: ["https://vault.acme.example"], algorithms: [ES256, RS256, PS256, EdDSA], jwks_file: agents-jwks.json, claims: {user: act_for}}
        \(additions.issuers)
        targets:
          - {name: demo-api, kind: jwt, audience: "https://demo-api.acme.example", resources: ["https://demo-api.acme.example/"], key: es256, scopes: ["accounts:read", "accounts:list"]}
          - {name: api-rs256, kind: jwt, audience: "https://rs256.acme.example", key: rs256, scopes: ["use"]}
          - {name: api-ps256, kind: jwt, audience: "https://ps256.acme.example", key: ps256, scopes: ["use"]}
          - {name: api-eddsa, kind: jwt, audience: "https://eddsa.acme.example", key: eddsa, scopes: ["use"]}
        \(additions.targets)
        policy: policy.yaml
        audit: {directory: log, origin: vault.acme.example/log, headroom: 1MiB}
        """
    }

    private var policy: String {
        let others = ["rs256", "ps256", "eddsa"].map { name in
            """
              - {id: \(name), gateways: [gateway-mcp], users: {issuer: corp, any_group: [sales]}, target: api-\(name), scopes: [use]}
            """
        }
        return """
            version: 1
            rules:
              - id: read
                gateways: ["spiffe://acme.example/gateway/mcp", gateway-jwt]
                agents: {issuer: agents, subjects: [sales-assistant]}
                users: {issuer: corp, any_group: [sales]}
                target: demo-api
                tools: [crm.read_account]
                actions: [read]
                scopes: ["accounts:read"]
                lifetime: {default: 60s, max: 60s}
              - id: proven
                gateways: ["spiffe://acme.example/gateway/mcp", gateway-jwt]
                agents: {issuer: agents, subjects: [sales-assistant]}
                users: {issuer: corp, any_group: [sales]}
                target: demo-api
                tools: [crm.export]
                actions: [read]
                scopes: ["accounts:read"]
                require: [dpop]
              - id: bound
                gateways: ["spiffe://acme.example/gateway/mcp"]
                agents: {issuer: agents, subjects: [sales-assistant]}
                users: {issuer: corp, any_group: [sales]}
                target: demo-api
                tools: [crm.delete_account]
                actions: [delete]
                scopes: ["accounts:read"]
                require: [actor_bound]
              - id: scope-only
                gateways: ["spiffe://acme.example/gateway/mcp"]
                agents: {issuer: agents, subjects: [sales-assistant]}
                users: {issuer: corp, any_group: [sales]}
                target: demo-api
                scopes: ["accounts:read", "accounts:list"]
                lifetime: {default: 5m, max: 5m}
            \(others.joined(separator: "\n"))
            \(additions.rules)
            denials:
              - {id: no-mallory, users: {issuer: corp, subjects: [mallory]}}
            """
    }

    /// The core's share, as the executable maps it.
    func coreSettings(_ configuration: Configuration) -> CoreSettings {
        CoreSettings(
            configurationFile: configuration.file, issuer: configuration.issuer,
            frontSocket: configuration.core.frontSocket, adminSocket: configuration.core.adminSocket,
            frontUsers: [getuid()], adminUsers: [getuid()], manifestFile: configuration.core.manifestFile ?? "",
            custody: configuration.core.custody.rawValue,
            tokens: configuration.hsm.tokens.map {
                .init(
                    field: $0.field, module: $0.module, uri: $0.token, pinFile: $0.pinFile, lanes: $0.lanes,
                    queueCapacity: $0.queue)
            }, logDirectory: configuration.audit.directory,
            logOrigin: configuration.audit.origin, checkpointInterval: .seconds(1),
            headroom: configuration.audit.headroom,
            keys: configuration.keys.map {
                .init(
                    label: $0.label, purpose: $0.purpose.rawValue, algorithm: $0.algorithm.rawValue, types: $0.types,
                    maximumLifetime: $0.maximumLifetime)
            })
    }
}
