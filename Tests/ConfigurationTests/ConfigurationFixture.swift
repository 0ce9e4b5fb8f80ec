import Foundation
import Testing

@testable import VaultAppliance

/// A directory of its own with a configuration, a policy and key files; removed at the end.
final class ConfigurationFixture {
    let directory: String
    var configFile: String { directory + "/config.yaml" }
    var policyFile: String { directory + "/policy.yaml" }

    init(config: String = ConfigurationFixture.config, policy: String = ConfigurationFixture.policy) throws {
        directory = FileManager.default.temporaryDirectory.path + "/configuration-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try write(config, to: "config.yaml")
        try write(policy, to: "policy.yaml")
        try write(#"{"keys":[]}"#, to: "idp-jwks.json")
        try write(#"{"keys":[{"kty":"EC"}]}"#, to: "agents-jwks.json")
        try FileManager.default.createDirectory(atPath: directory + "/tls", withIntermediateDirectories: true)
        try write(ConfigurationFixture.clientAuthority, to: "tls/client-ca.pem")
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/" + name))
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: directory + "/" + name) }

    func configuration() throws(ConfigurationError) -> Configuration {
        defer { withExtendedLifetime(self) {} }
        return try Configuration.load(file: configFile)
    }

    func bundle() throws(ConfigurationError) -> ConfigurationBundle {
        defer { withExtendedLifetime(self) {} }
        return try ConfigurationBundle.load(file: configFile)
    }

    /// The faults of the whole bundle, or none.
    func faults() -> [ConfigurationFault] {
        do throws(ConfigurationError) {
            _ = try bundle()
            return []
        } catch {
            return error.faults
        }
    }

    /// Faults as `line: field: message`, the form in which tables expect them.
    static func lines(_ faults: [ConfigurationFault]) -> [String] {
        faults.map { "\($0.line.map(String.init) ?? "-"): \($0.field): \($0.message)" }
    }
}

/// One change to a file and the one fault it makes; `HERE` marks the line at which the fault must be reported.
struct FaultCase: Sendable, CustomTestStringConvertible {
    let old: String
    let new: String
    let field: String
    let message: String

    init(_ old: String, _ new: String, _ field: String, _ message: String) {
        self.old = old
        self.new = new
        self.field = field
        self.message = message
    }

    var testDescription: String { "\(field) \(message)" }

    /// The changed file; the change must apply once, or the case would test nothing.
    func apply(to text: String) throws -> String {
        try #require(text.components(separatedBy: old).count == 2, "'\(old)' must stand in the file once")
        return text.replacingOccurrences(of: old, with: new)
    }

    /// The expected fault in the changed file.
    func expected(in text: String) throws -> String {
        let line = try #require(text.components(separatedBy: "\n").firstIndex { $0.contains("HERE") }) + 1
        return "\(line): \(field): \(message)"
    }
}

extension ConfigurationFixture {
    /// An authority whose key nobody has.
    static let clientAuthority = """
        -----BEGIN CERTIFICATE-----
        MIIB0jCCAXegAwIBAgIUD1yhkwrTkktj14r5PkPJKhz59K4wCgYIKoZIzj0EAwIw
        NTESMBAGA1UECgwJQWNtZSBDb3JwMR8wHQYDVQQDDBZBY21lIGV4YW1wbGUgY2xp
        ZW50IENBMCAXDTI2MTEyNjIyNDI1MVoYDzIxMjYxMTAyMjI0MjUxWjA1MRIwEAYD
        VQQKDAlBY21lIENvcnAxHzAdBgNVBAMMFkFjbWUgZXhhbXBsZSBjbGllbnQgQ0Ew
        WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQHQ0CYhMoMkL9D1G6MezDBaUK70caG
        TVI9pHvwMCNn2PFrVy6Zb6LagMsCJas8FR6m5RjCIpE2+Se9KkBFdb6oo2MwYTAd
        BgNVHQ4EFgQU/dDDdlwr6AS9JLp2mn9veF9tY4YwHwYDVR0jBBgwFoAU/dDDdlwr
        6AS9JLp2mn9veF9tY4YwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAgQw
        CgYIKoZIzj0EAwIDSQAwRgIhAJw/Y2yiKsmLhVlruEasYb5xdnaheF3iGzelklSL
        wGEAAiEA/vJwIT9hlxXHlh+6bn02XCuGltgj549kJyc7My+O++o=
        -----END CERTIFICATE-----

        """

    static let config = """
        version: 1
        issuer: https://vault.acme.example
        listeners:
          gateway:
            host: 127.0.0.1
            port: 8443
            key: tls-gateway
            certificate: tls/gateway.pem
            client_ca: tls/client-ca.pem
            external_url: https://vault.acme.example:8443
          public:
            host: 127.0.0.1
            port: 8444
            key: tls-public
            certificate: /etc/tls/public.pem
            external_url: https://vault.acme.example:8444
          ops: {host: 127.0.0.1, port: 8445}
        core:
          front_socket: run/front.sock
          admin_socket: run/admin.sock
          front_users: [vault-front, 998]
          admin_users: [root]
          manifest: manifest.json
          custody: development
        hsm:
          module: /usr/lib/softhsm/libsofthsm2.so
          token: pkcs11:token=vault-dev
          pin_file: pin
          lanes: 4
          queue: 512
        keys:
          - label: sign-es256
            purpose: signing
            alg: ES256
            types: ["at+jwt"]
            max_lifetime: 300s
          - {label: other, purpose: signing, alg: RS256, types: ["JWT"], max_lifetime: 5m}
          - {label: checkpoint, purpose: checkpoint, alg: EdDSA}
          - {label: tls-gateway, purpose: tls, alg: ES256}
          - {label: tls-public, purpose: tls, alg: ES256}
        clients:
          - {id: gateway-mcp, auth: tls_client_auth, san_uri: "spiffe://acme.example/gateway/mcp"}
          - {id: gateway-dns, auth: tls_client_auth, san_dns: gateway.acme.example}
          - {id: gateway-dn, auth: tls_client_auth, subject_dn: "CN=gateway,O=Acme Corp"}
        issuers:
          - name: corp
            issuer: https://idp.acme.example
            roles: [subject]
            audiences: ["https://vault.acme.example"]
            algorithms: [ES256, RS256]
            jwks_file: idp-jwks.json
            max_subject_age: 1h
            clock_skew: 10s
            subject_prefix: "corp:"
            claims: {groups: groups}
            agent: actor_token
          - name: agents
            issuer: https://agents.acme.example
            roles: [actor]
            audiences: ["https://vault.acme.example"]
            algorithms: [EdDSA]
            jwks_file: agents-jwks.json
            claims: {user: act_for}
        targets:
          - name: demo-api
            kind: jwt
            audience: https://demo-api.acme.example
            resources: ["https://demo-api.acme.example/"]
            key: sign-es256
            scopes: ["accounts:read", "opportunities:write"]
          - {name: billing, kind: jwt, audience: billing-aud, key: sign-es256, scopes: [bill]}
        policy: policy.yaml
        audit:
          directory: log
          origin: vault.acme.example/log
          checkpoint_interval: 2s
          headroom: 1GiB
          strict: true
          last_checkpoint: /mnt/other/log.last
          shard_entries: 1000000
          shard_age: 720h
          max_clock_jump: 10m
          witnesses:
            - {vkey: witness.example/w1+58380dee+BJ0sjb9vZ/fEKqFHPEErnh3tmece0Qvv/o+rT5hKTpoG, url: "https://witness.acme.example/w1", ca: witness-ca.pem}
            - vkey: witness.example/w2+a891afea+BNUPBtTYb2IAXVicAqFbq3eZc357sw0q18qsQWMB8+7Q
              url: http://127.0.0.1:8470
          witness_quorum: 2
        limits:
          request_bytes: 32KiB
          token_bytes: 8192
          connections: 10
          requests_per_second: 100
          request_timeout: 5s

        """

    static let policy = """
        version: 1
        rules:
          - id: read
            gateways: ["spiffe://acme.example/gateway/mcp"]
            agents: {issuer: agents, subjects: [sales-assistant]}
            users: {issuer: corp, any_group: [sales]}
            target: demo-api
            tools: [crm.read_account]
            actions: [read]
            locations: ["https://demo-api.acme.example/*/{identifier}"]
            identifiers: ["7", "8"]
            scopes: ["accounts:read"]
            lifetime:
              default: 30s
              max: 1m
            require: [actor_bound, arguments_sha256]
          - id: plain
            gateways: [gateway-dns, gateway-dn]
            users: {issuer: corp, subjects: [alice]}
            target: demo-api
            scopes: ["accounts:read"]
        denials:
          - {id: no-deletes, target: demo-api, tools: [crm.delete], actions: [delete], scopes: ["opportunities:write"]}

        """
}
