import Testing
import VaultTesting

@testable import HSMBridge

/// The suite that testers run against their own HSM, against ours.
@Suite(.timeLimit(.minutes(10))) struct ConformanceTests {
    @Test func aSoftHSMTokenPassesEveryCheckAndKeepsNothing() async throws {
        let fixture = try SoftHSMFixture.shared()
        let token = try fixture.takeToken()
        let checks = try await run(
            fixture.modulePath, token.uri, token.pinFile, mayRestartLibrary: false)
        #expect(checks.count { if case .passed = $0.outcome { true } else { false } } == 41)
        try await Harness.withHSM(on: token) { hsm in
            let left = try await hsm.inventory()
            #expect(left.isEmpty)
        }
    }

    @Test func whatIsThereBeforeIsThereAfterwards() async throws {
        let fixture = try SoftHSMFixture.shared()
        let token = try fixture.takeToken()
        // A label that begins as the suite's do: only what the run made itself may go.
        let label = TokenConformance.prefix + "another-run"
        try await Harness.withHSM(on: token) { hsm in
            _ = try await hsm.generate(.init(label: label, algorithm: .es256, purpose: .signing))
        }
        _ = try await run(fixture.modulePath, token.uri, token.pinFile, mayRestartLibrary: false)
        try await Harness.withHSM(on: token) { hsm in
            let left = try await hsm.inventory()
            #expect(left.map(\.label) == [label, label])
        }
    }

    @Test func aTokenThatCannotBeOpenedFailsOneCheckAndNoOtherIsTried() async throws {
        let fixture = try SoftHSMFixture.shared()
        let token = try fixture.takeToken()
        let suite = TokenConformance(
            modulePath: fixture.modulePath, token: TokenURI(label: "missing"), pin: try PIN(file: token.pinFile),
            run: "none")
        let checks = await suite.checks()
        #expect(checks.count == 1 && checks.allSatisfy(\.isFailure))
    }

    private func run(
        _ module: String, _ uri: String, _ pinFile: String, mayRestartLibrary: Bool
    ) async throws -> [ConformanceCheck] {
        var options = TokenConformance.Options()
        options.load = .milliseconds(200)
        options.mayRestartLibrary = mayRestartLibrary
        let suite = TokenConformance(
            modulePath: module, token: try TokenURI(uri), pin: try PIN(file: pinFile),
            run: String(UInt32.random(in: 1 ... .max), radix: 16), options: options)
        let checks = await suite.checks()
        for check in checks { #expect(!check.isFailure, "\(check.line)") }
        return checks
    }
}
