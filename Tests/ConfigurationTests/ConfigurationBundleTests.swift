import Crypto
import Foundation
import StrictEncoding
import Testing

@testable import VaultAppliance

@Suite struct ConfigurationBundleTests {
    private func hash(
        config: (String, String)? = nil, policy: (String, String)? = nil, keys: String? = nil,
        authorities: String? = nil
    ) throws -> String {
        var texts = (ConfigurationFixture.config, ConfigurationFixture.policy)
        if let (old, new) = config { texts.0 = try FaultCase(old, new, "", "").apply(to: texts.0) }
        if let (old, new) = policy { texts.1 = try FaultCase(old, new, "", "").apply(to: texts.1) }
        let fixture = try ConfigurationFixture(config: texts.0, policy: texts.1)
        if let keys { try fixture.write(keys, to: "idp-jwks.json") }
        if let authorities { try fixture.write(authorities, to: "tls/client-ca.pem") }
        return try fixture.bundle().hash
    }

    @Test func theHashIsThatOfTheDocumentedBytes() throws {
        let keys = #"{"keys":[]}"#
        func digest(_ text: String) -> String {
            SHA256.hash(data: Data(text.utf8)).map { String(format: "%02x", $0) }.joined()
        }
        let agents = digest(#"{"keys":[{"kty":"EC"}]}"#)
        let expected = #"""
            {"client_ca":{"gateway":"\#(digest(ConfigurationFixture.clientAuthority))"},"client_jwks":{},"clients":[{"auth":"tls_client_auth","id":"gateway-mcp","san_uri":"spiffe://acme.example/gateway/mcp"},
            {"auth":"tls_client_auth","id":"gateway-dns","san_dns":"gateway.acme.example"},
            {"auth":"tls_client_auth","id":"gateway-dn","subject_dn":"CN=gateway,O=Acme Corp"}],"delegation_depth":3,"format":"vault-bundle/1",
            "issuers":[{"agent":"actor_token","algorithms":["ES256","RS256"],"audiences":["https://vault.acme.example"],
            "claims":{"groups":"groups","user":null},"clock_skew":10,"issuer":"https://idp.acme.example",
            "max_subject_age":3600,"name":"corp","roles":["subject"],"subject_prefix":"corp:"},
            {"agent":"actor_token","algorithms":["EdDSA"],"audiences":["https://vault.acme.example"],
            "claims":{"groups":null,"user":"act_for"},"clock_skew":30,"issuer":"https://agents.acme.example",
            "max_subject_age":null,"name":"agents","roles":["actor"],"subject_prefix":null}],
            "jwks":{"agents":"\#(agents)","corp":"\#(digest(keys))"},"jwks_ca":{},"policy":"\#(digest(ConfigurationFixture.policy))",
            "targets":[{"audience":"https://demo-api.acme.example","client_id":null,"key":"sign-es256","kind":"jwt","name":"demo-api",
            "resources":["https://demo-api.acme.example/"],"scopes":["accounts:read","opportunities:write"],
            "session_tags":[],"subject":null},
            {"audience":"billing-aud","client_id":null,"key":"sign-es256","kind":"jwt","name":"billing","resources":[],"scopes":["bill"],
            "session_tags":[],"subject":null}]}
            """#.replacingOccurrences(of: "\n", with: "")
        #expect(try hash() == digest(expected))
    }

    @Test func theHashDoesNotDependOnDirectoryLayoutOrCommentsOfTheConfiguration() throws {
        let same = try hash()
        #expect(try hash() == same)
        #expect(try hash(config: ("roles: [subject]", "roles:\n      - subject # the user")) == same)
        #expect(try hash(config: ("lanes: 4", "lanes: 5")) == same)
        let moved = try ConfigurationFixture(
            config: ConfigurationFixture.config.replacingOccurrences(of: "tls/client-ca.pem", with: "elsewhere.pem"))
        try moved.write(ConfigurationFixture.clientAuthority, to: "elsewhere.pem")
        #expect(try moved.bundle().hash == same)
    }

    @Test func theHashChangesWithWhateverDecides() throws {
        let hashes = [
            try hash(), try hash(policy: ("default: 30s", "default: 31s")),
            try hash(policy: ("version: 1\n", "version: 1 # reviewed\n")), try hash(keys: #"{"keys": []}"#),
            try hash(config: ("id: gateway-dn,", "id: gateway-dx,"), policy: (", gateway-dn]", "]")),
            try hash(config: ("CN=gateway", "CN=Gateway")), try hash(config: ("clock_skew: 10s", "clock_skew: 11s")),
            try hash(config: ("max_subject_age: 1h", "max_subject_age: 2h")),
            try hash(config: ("act_for", "on_behalf")), try hash(config: ("\"corp:\"", "\"corp-\"")),
            try hash(config: ("[ES256, RS256]", "[ES256]")), try hash(config: ("billing-aud", "billing-audience")),
            try hash(config: ("[bill]", "[bill, pay]")),
            try hash(config: ("jwks_file: agents-jwks.json", "jwks_uri: https://agents.acme.example/keys")),
            try hash(config: ("jwks_file: agents-jwks.json", "jwks_uri: https://agents.acme.example/jwks")),
            try hash(
                config: (
                    "jwks_file: agents-jwks.json",
                    "jwks_uri: https://agents.acme.example/jwks\n    jwks_max_stale: 2h"
                )), try hash(config: ("[actor]", "[actor, client]")),
            try hash(config: ("agent: actor_token", "agent: subject_act")),
            try hash(config: ("request_timeout: 5s", "request_timeout: 5s\n  delegation_depth: 2")),
            try hash(authorities: ConfigurationFixture.clientAuthority + ConfigurationFixture.clientAuthority),
        ]
        #expect(Set(hashes).count == hashes.count)
    }

    @Test func keySetsAreTheBytesThatWereHashed() throws {
        let bundle = try ConfigurationFixture().bundle()
        #expect(
            bundle.keySets == ["corp": Array(#"{"keys":[]}"#.utf8), "agents": Array(#"{"keys":[{"kty":"EC"}]}"#.utf8)])
    }

    @Test func theAuthoritiesOfClientsAreTheBytesThatWereHashedAndAPartOfTheirOwn() throws {
        let fixture = try ConfigurationFixture()
        let bundle = try fixture.bundle()
        try fixture.write(ConfigurationFixture.clientAuthority + "\n", to: "tls/client-ca.pem")
        let other = try fixture.bundle()
        #expect(bundle.clientAuthorities == ["gateway": Array(ConfigurationFixture.clientAuthority.utf8)])
        #expect(bundle.parts.filter { other.parts[$0.key] != $0.value }.map(\.key) == ["client_ca gateway"])
    }

    @Test(
        "a file of clients' authorities that says nothing is a fault",
        arguments: [
            (nil, "there is no such file"), ("", "cannot be read or is empty"),
            ("no certificate", "holds no certificate in PEM"),
        ] as [(String?, String)])
    func authoritiesFault(text: String?, message: String) throws {
        let fixture = try ConfigurationFixture()
        if let text {
            try fixture.write(text, to: "tls/client-ca.pem")
        } else {
            try fixture.remove("tls/client-ca.pem")
        }
        #expect(
            ConfigurationFixture.lines(fixture.faults()) == ["9: listeners.gateway.client_ca: \(message)"])
    }

    @Test(
        "a key file that is no strict JSON object is a fault",
        arguments: [
            ("[]", "holds no JSON object"), ("{", "is not strict JSON: unexpectedEnd at byte 1"),
            (#"{"keys":[],"keys":[]}"#, "is not strict JSON: duplicateName at byte 17"),
        ])
    func keySetFault(text: String, message: String) throws {
        let fixture = try ConfigurationFixture()
        try fixture.write(text, to: "idp-jwks.json")
        #expect(ConfigurationFixture.lines(fixture.faults()) == ["51: issuers[0].jwks_file: \(message)"])
    }

    @Test func aKeyFileBeyondItsBoundIsAFault() throws {
        let fixture = try ConfigurationFixture()
        try fixture.write(String(repeating: " ", count: (256 << 10) + 1), to: "idp-jwks.json")
        #expect(
            ConfigurationFixture.lines(fixture.faults()) == ["51: issuers[0].jwks_file: is larger than 256KiB"])
    }
}
