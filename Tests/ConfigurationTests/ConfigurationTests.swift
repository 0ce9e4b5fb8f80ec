import Foundation
import StrictEncoding
import Testing

import AuditLog
@testable import VaultAppliance

@Suite struct ConfigurationTests {
    @Test func everyFieldArrivesWhereItBelongs() throws {
        let fixture = try ConfigurationFixture()
        let configuration = try Configuration.load(file: fixture.configFile)
        #expect(configuration.issuer == "https://vault.acme.example")
        let gateway = configuration.listeners.gateway
        #expect(gateway.host == "127.0.0.1")
        #expect(gateway.port == 8443)
        #expect(gateway.key == "tls-gateway")
        #expect(gateway.externalURL == "https://vault.acme.example:8443")
        #expect(configuration.listeners.public.clientCAFile == nil)
        #expect(configuration.listeners.ops == .init(host: "127.0.0.1", port: 8445))
        #expect(configuration.core.frontUsers == ["vault-front", "998"])
        #expect(configuration.core.custody == .development)
        #expect(configuration.hsm.tokens[0].token == "pkcs11:token=vault-dev")
        #expect(configuration.hsm.tokens[0].lanes == 4)
        #expect(configuration.hsm.tokens[0].queue == 512)
        #expect(
            configuration.keys[0]
                == .init(
                    label: "sign-es256", purpose: .signing, algorithm: .es256, types: ["at+jwt"], maximumLifetime: 300))
        #expect(
            configuration.keys[2]
                == .init(label: "checkpoint", purpose: .checkpoint, algorithm: .edDSA, types: [], maximumLifetime: nil))
        #expect(
            configuration.clients.map(\.certificateName) == [
                .sanURI("spiffe://acme.example/gateway/mcp"), .sanDNS("gateway.acme.example"),
                .subjectDN("CN=gateway,O=Acme Corp"),
            ])
        let corp = configuration.issuers[0]
        #expect(corp.roles == [.subject])
        #expect(corp.algorithms == [.es256, .rs256])
        #expect(corp.maximumSubjectAge == 3600)
        #expect(corp.clockSkew == 10)
        #expect(corp.subjectPrefix == "corp:")
        #expect(corp.claims == .init(groups: "groups", user: nil))
        #expect(configuration.issuers[1].claims == .init(groups: nil, user: "act_for"))
        #expect(configuration.targets[0].kind == .jwt)
        #expect(configuration.targets[0].scopes == ["accounts:read", "opportunities:write"])
        #expect(configuration.audit.checkpointInterval == 2)
        #expect(configuration.audit.headroom == 1 << 30)
        #expect(configuration.audit.strict)
        #expect(configuration.audit.lastCheckpointFile == "/mnt/other/log.last")
        #expect(configuration.audit.shardEntries == 1_000_000)
        #expect(configuration.audit.shardAge == 720 * 3600)
        #expect(configuration.audit.maximumClockJump == 600)
        #expect(configuration.audit.witnesses.map(\.key.name) == ["witness.example/w1", "witness.example/w2"])
        #expect(
            configuration.audit.witnesses.map(\.url) == ["https://witness.acme.example/w1", "http://127.0.0.1:8470"])
        #expect(configuration.audit.witnessQuorum == 2)
        #expect(
            configuration.limits
                == .init(
                    requestBytes: 32_768, tokenBytes: 8192, connections: 10, requestsPerSecond: 100,
                    replayEntries: 262_144, requestTimeout: 5, delegationDepth: 3))
    }

    @Test func relativePathsAreTakenFromTheDirectoryOfTheFile() throws {
        let fixture = try ConfigurationFixture()
        let configuration = try Configuration.load(file: fixture.configFile)
        let directory = fixture.directory
        #expect(configuration.listeners.gateway.certificateFile == directory + "/tls/gateway.pem")
        #expect(configuration.listeners.gateway.clientCAFile == directory + "/tls/client-ca.pem")
        #expect(configuration.listeners.public.certificateFile == "/etc/tls/public.pem")
        #expect(configuration.core.frontSocket == directory + "/run/front.sock")
        #expect(configuration.core.adminSocket == directory + "/run/admin.sock")
        #expect(configuration.core.manifestFile == directory + "/manifest.json")
        #expect(configuration.hsm.tokens[0].module == "/usr/lib/softhsm/libsofthsm2.so")
        #expect(configuration.hsm.tokens[0].pinFile == directory + "/pin")
        #expect(configuration.issuers[0].keySet == .file(directory + "/idp-jwks.json"))
        #expect(configuration.policyFile == directory + "/policy.yaml")
        #expect(configuration.audit.directory == directory + "/log")
    }

    @Test func whatIsOptionalHasItsDefault() throws {
        var text = ConfigurationFixture.config
        let optional = [
            "front_users", "admin_users", "pin_file", "lanes", "queue", "max_subject_age", "clock_skew", "agent:",
            "checkpoint_interval", "headroom", "strict", "last_checkpoint", "shard_", "max_clock_jump", "request_bytes",
            "token_bytes", "connections", "requests_per_second",
            "request_timeout", "limits", "resources", "claims: {user", "subject_prefix",
        ]
        text = text.split(separator: "\n").filter { line in
            !optional.contains { line.drop { $0 == " " }.hasPrefix($0) }
        }.joined(separator: "\n")
        let configuration = try ConfigurationFixture(config: text).configuration()
        #expect(configuration.core.frontUsers == nil)
        #expect(configuration.core.adminUsers == nil)
        #expect(configuration.hsm.tokens[0].pinFile == nil)
        #expect(configuration.hsm.tokens[0].lanes == 2)
        #expect(configuration.hsm.tokens[0].queue == 1024)
        #expect(configuration.issuers[0].maximumSubjectAge == nil)
        #expect(configuration.issuers[0].clockSkew == 30)
        #expect(configuration.issuers[0].subjectPrefix == nil)
        #expect(configuration.issuers[0].agent == .actorToken)
        #expect(configuration.issuers[1].claims == .init(groups: nil, user: nil))
        #expect(configuration.targets[0].resources.isEmpty)
        #expect(configuration.audit.checkpointInterval == 1)
        #expect(configuration.audit.headroom == 256 << 20)
        #expect(!configuration.audit.strict)
        #expect(configuration.audit.lastCheckpointFile == (configuration.core.manifestFile ?? "") + ".last-checkpoint")
        #expect(configuration.audit.shardEntries == 20_000_000)
        #expect(configuration.audit.shardAge == 90 * 24 * 3600)
        #expect(configuration.audit.maximumClockJump == 3600)
        #expect(configuration.limits == .standard)
    }

    @Test func aFaultSaysFileLineFieldAndWhatToDo() throws {
        let fault = ConfigurationFault(
            file: "config.yaml", line: 12, field: "listeners.gateway.port", message: "must be 1...65535, is 70000",
            mend: "choose a free port")
        #expect(
            fault.description
                == "config.yaml:12: listeners.gateway.port: must be 1...65535, is 70000. Mend: choose a free port.")
        let whole = ConfigurationFault(
            file: "config.yaml", line: nil, field: "", message: "there is no such file", mend: "create it")
        #expect(whole.description == "config.yaml: there is no such file. Mend: create it.")
    }

    @Test func allFaultsOfAllFilesAreReportedAtOnceInTheOrderOfTheirLines() throws {
        let config = ConfigurationFixture.config
            .replacingOccurrences(of: "port: 8443", with: "port: 70000")
            .replacingOccurrences(of: "queue: 512", with: "queue: many")
            .replacingOccurrences(of: "key: sign-es256\n", with: "key: absent\n")
            .replacingOccurrences(of: "headroom: 1GiB", with: "headroom: 1GB")
        let policy = ConfigurationFixture.policy.replacingOccurrences(of: "default: 30s", with: "default: 2m")
        let fixture = try ConfigurationFixture(config: config, policy: policy)
        try fixture.remove("idp-jwks.json")
        let faults = fixture.faults()
        #expect(
            ConfigurationFixture.lines(faults) == [
                "6: listeners.gateway.port: must be 1...65535, is 70000",
                "30: hsm.queue: must be 1...65536, is text",
                "51: issuers[0].jwks_file: there is no such file",
                "69: targets[0].key: names no key with purpose signing",
                "77: audit.headroom: must be a size",
                "14: rules[0].lifetime.default: is longer than max",
            ])
        #expect(faults.map(\.file).prefix(5).allSatisfy { $0 == fixture.configFile })
        #expect(faults.last?.file == fixture.policyFile)
        #expect(faults.allSatisfy { !$0.mend.isEmpty })
    }

    @Test func aMissingFileIsAFault() throws {
        let error = try #require(throws: ConfigurationError.self) { try Configuration.load(file: "/nowhere/c.yaml") }
        #expect(ConfigurationFixture.lines(error.faults) == ["-: : there is no such file"])
    }

    @Test func aDirectoryInPlaceOfAFileIsAFault() throws {
        let fixture = try ConfigurationFixture()
        let error = try #require(throws: ConfigurationError.self) { try Configuration.load(file: fixture.directory) }
        #expect(ConfigurationFixture.lines(error.faults) == ["-: : cannot be read or is empty"])
    }

    @Test func aFileBeyondItsBoundIsAFault() throws {
        let padding = String(repeating: "# padding\n", count: 110_000)
        let fixture = try ConfigurationFixture(config: ConfigurationFixture.config + padding)
        #expect(ConfigurationFixture.lines(fixture.faults()) == ["-: : is larger than 1MiB"])
    }

    @Test func noFaultShowsWhatMayBeASecret() throws {
        let canary = "canary-7f3a"
        let changes = [
            ("pin_file: pin", "pin: \(canary)"), ("pin_file: pin", "pin_file: [\(canary)]"),
            ("pkcs11:token=vault-dev", "\"pkcs11:token=vault?pin-value=\(canary)\""),
            ("pin_file: pin", "pin_file: \"\(canary)\\n\""), ("lanes: 4", "lanes: \(canary)"),
            ("  lanes: 4", "  lanes: \(canary): \(canary)"), ("custody: development", "custody: \(canary)"),
            ("alg: RS256", "alg: \(canary)"), ("checkpoint_interval: 2s", "checkpoint_interval: \(canary)"),
        ]
        for (old, new) in changes {
            let config = ConfigurationFixture.config.replacingOccurrences(of: old, with: new)
            let faults = try ConfigurationFixture(config: config).faults()
            #expect(!faults.isEmpty, "\(new)")
            #expect(!faults.contains { $0.description.contains(canary) }, "\(faults)")
        }
    }
}
