import Foundation
import Testing

@testable import VaultAppliance

/// What of a changed file is in force only after a restart, and of which process.
@Suite struct StandingTests {
    private static func decoded(_ text: String) -> Configuration {
        Configuration.decode(Array(text.utf8), file: "/etc/vault-appliance/appliance.yaml").0
    }

    @Test(
        "what a process read at its start stands until its next",
        arguments: [
            ("issuer: https://vault.acme.example\n", "issuer: https://other.example\n", ["issuer"], ["issuer"]),
            ("    port: 8443\n", "    port: 9443\n", ["listeners.gateway"], []),
            ("tls/gateway.pem", "tls/other.pem", ["listeners.gateway"], []),
            ("key: tls-public\n", "key: tls-other\n", ["listeners.public"], []),
            ("port: 8445", "port: 9445", ["listeners.ops"], []),
            ("connections: 10\n", "connections: 11\n", ["limits"], []),
            ("request_timeout: 5s", "request_timeout: 6s", ["limits"], []),
            ("run/front.sock", "run/other.sock", ["core.front_socket"], ["core.front_socket"]),
            ("run/admin.sock", "run/other.sock", [], ["core"]),
            ("[vault-front, 998]", "[vault-front]", [], ["core"]),
            ("admin_users: [root]", "admin_users: [daemon]", [], ["core"]),
            ("manifest.json", "other.json", [], ["core"]),
            ("lanes: 4", "lanes: 5", [], ["hsm"]),
            ("max_lifetime: 300s", "max_lifetime: 200s", [], ["keys"]),
            ("headroom: 1GiB", "headroom: 2GiB", [], ["audit"]),
            ("witness_quorum: 2", "witness_quorum: 1", [], ["audit"]),
            ("http://127.0.0.1:8470", "http://127.0.0.1:8471", ["audit.witnesses"], ["audit"]),
        ] as [(String, String, [String], [String])])
    func stands(old: String, new: String, front: [String], core: [String]) throws {
        let text = ConfigurationFixture.config
        try #require(text.components(separatedBy: old).count == 2, "'\(old)' must stand in the file once")
        let standing = Self.decoded(text).standing(against: Self.decoded(text.replacing(old, with: new)))
        #expect(standing == .init(front: front, core: core))
    }

    @Test(
        "what is loaded anew does not",
        arguments: [
            ("tls/client-ca.pem", "tls/other-ca.pem"), ("token_bytes: 8192", "token_bytes: 4096"),
            ("max_subject_age: 1h", "max_subject_age: 2h"), ("id: gateway-dn,", "id: gateway-other,"),
            ("name: billing", "name: other"), ("policy: policy.yaml", "policy: other.yaml"),
        ])
    func isLoadedAnew(old: String, new: String) throws {
        let text = ConfigurationFixture.config
        try #require(text.contains(old))
        #expect(Self.decoded(text).standing(against: Self.decoded(text.replacing(old, with: new))) == .init())
    }
}
