import CoreProtocol
import Logging
import Minting
import StrictEncoding
import Synchronization
import Testing
import VaultCore

@testable import VaultAppliance

/// What a front tells of its core and of itself to those who watch it.
@Suite(.timeLimit(.minutes(10))) struct HealthTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func text(_ registry: MetricsRegistry) -> String { String(decoding: registry.exposition(), as: UTF8.self) }

    @Test func aCoreThatDoesNotAnswerHasNoFigures() async throws {
        let fixture = try await ExchangeFixture()
        let latest = Mutex<CoreDescription?>(fixture.core.description)
        let registry = MetricsRegistry()
        CoreMetrics.register(in: registry, build: "abc") { latest.withLock { $0 } }
        let there = text(registry)
        #expect(there.contains("vault_core_reachable 1") && there.contains("vault_hsm_ready{"))
        #expect(there.contains("# TYPE vault_hsm_signatures_total counter"))
        #expect(there.contains("# TYPE vault_core_log_syncs_total counter"))
        #expect(there.contains(#"vault_key_available{label="es256",purpose="signing"} 1"#))
        #expect(there.contains(#"vault_build_info{process="front",version="\#(Build.version)",build="abc"} 1"#))
        #expect(there.contains(#"vault_build_info{process="core",version="\#(Build.version)",build=""#))
        latest.withLock { $0 = nil }
        let gone = text(registry)
        #expect(gone.contains("vault_core_reachable 0"))
        let samples = gone.split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(samples.count == 2, "\(samples)")
        await fixture.core.shutdown()
    }

    @Test func aTargetWithoutAnActiveKeyIsNamed() async throws {
        let fixture = try await ExchangeFixture()
        let watch = TargetWatch(bundles: fixture.service.bundles, keys: fixture.keys, logger: quiet)
        #expect(watch.warnings.isEmpty)
        var description = fixture.core.description
        for index in description.keys.indices where description.keys[index].label == "es256" {
            description.keys[index].state = "quarantined"
            description.keys[index].isAvailable = false
        }
        fixture.keys.update(description)
        #expect(watch.warnings.contains("target demo-api: no active key (es256)"))
        let registry = MetricsRegistry()
        let told = description
        CoreMetrics.register(in: registry, build: "") { told }
        #expect(text(registry).contains(#"vault_key_available{label="es256",purpose="signing"} 0"#))
        await fixture.core.shutdown()
    }

    @Test func aRefusedReloadIsSaidUntilOneIsTaken() {
        let (state, registry) = (ReloadState(), MetricsRegistry())
        state.register(in: registry)
        #expect(state.problem == nil && text(registry).hasSuffix("\nvault_config_last_reload_successful 1\n"))
        state.ended(["policy.yaml:3: bad\npolicy.yaml:4: worse"])
        #expect(state.problem == "policy.yaml:3: bad; policy.yaml:4: worse")
        #expect(text(registry).hasSuffix("\nvault_config_last_reload_successful 0\n"))
        state.ended([])
        #expect(state.problem == nil)
    }

    @Test func theDiscoveryDocumentNamesTheAlgorithmsOfTheKeysInUse() async throws {
        let fixture = try await ExchangeFixture()
        #expect(fixture.keys.algorithms(labels: ["es256"]) == [.es256])
        #expect(fixture.keys.algorithms(labels: ["nobody"]) == [])
        #expect(Set(fixture.keys.algorithms()).isSuperset(of: [.es256]))
        await fixture.core.shutdown()
    }

    @Test("a 401 has a challenge of the scheme that was tried", arguments: ["Basic", nil])
    func challenges(scheme: String?) async throws {
        let fixture = try await ExchangeFixture()
        let answer = await fixture.service.respond(
            to: GatewayRequest(
                path: "/token", bodyBytes: Array("grant_type=client_credentials".utf8),
                contentType: "application/x-www-form-urlencoded", hasAuthorization: scheme != nil,
                authorizationScheme: scheme, peer: nil, requestID: "r", remoteAddress: nil,
                deadline: .now + .seconds(10)))
        #expect(answer.status == 401)
        #expect(answer.headers.first { $0.0 == "WWW-Authenticate" }?.1 == #"Basic realm="clients""#)
        await fixture.core.shutdown()
    }
}
