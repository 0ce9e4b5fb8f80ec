import Custody
import Foundation
import Logging
import Testing
import VaultTesting

@testable import HSMBridge
@testable import VaultCore

/// Two tokens, the second behind a library of its own that hangs: nothing waits for it, and no PIN is left to it.
@Suite("A group of tokens, one of which hangs", .timeLimit(.minutes(5)))
struct HSMGroupTests {
    private struct Site {
        let several: SeveralTokens
        let module: FaultModule
        let faults: TokenFaults
        let manifest: Manifest

        var pins: [String: LockedBytes] {
            get throws {
                var pins: [String: LockedBytes] = [:]
                for (token, entry) in zip(several.tokens, manifest.tokens) {
                    pins[entry.serial] = try LockedBytes(copying: Array(token.pin.utf8))
                }
                return pins
            }
        }

        /// A group that is sealed.
        func sealed(patience: Duration = .seconds(60)) -> HSMGroup {
            var timing = HSMGroup.Timing()
            timing.grace = .milliseconds(200)
            timing.firstPause = .milliseconds(100)
            timing.patience = patience
            return HSMGroup.sealed(several.site.settings, manifest: manifest, timing: timing, logger: .silent)
        }
    }

    private func run(_ body: (Site) async throws -> Void) async throws {
        let module = try FaultModule(ofItsOwn: "group")
        try await SeveralTokens.withGenesis(secondModule: module.path) { several in
            let faults = module.faults(of: several.tokens[1])
            try await body(
                Site(several: several, module: module, faults: faults, manifest: try several.site.manifest))
        }
    }

    private func until(_ condition: () async throws -> Bool) async throws {
        for _ in 0..<6000 {
            if try await condition() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("it did not come to pass")
    }

    /// Where the opening of a token may be held up, and whether the PIN is with the token by then.
    static let holds: [(function: String, call: Int, isGiven: Bool)] = [
        ("C_GetTokenInfo", 1, false), ("C_GetTokenInfo", 2, false), ("C_OpenSession", 1, false),
        ("C_GetTokenInfo", 3, false), ("C_Login", 1, true),
    ]

    @Test(arguments: holds.indices)
    func aCoreThatWasSealedGivesNoPINToATokenThatWasBeingOpened(index: Int) async throws {
        let (function, call, isGiven) = Self.holds[index]
        try await run { site in
            let (group, faults) = (site.sealed(), site.faults)
            let logins = try faults.calls(of: "C_Login")
            let before = try faults.calls(of: function)
            let rules = try faults.always(function, "call=\(call)- hang")
            try await group.unseal(try site.pins)
            #expect(group.open.count == 1)
            try await until { try faults.calls(of: function) >= before + call }
            let signatures = try faults.calls(of: "C_Sign")
            #expect(await !group.seal(drainingFor: .milliseconds(100)))
            #expect(group.activatedPINs == nil && group.open.isEmpty)
            try faults.lift(rules)
            #expect(await group.areOver([0, 1], within: .seconds(60)))
            #expect(try faults.calls(of: "C_Login") == logins + (isGiven ? 1 : 0))
            #expect(try faults.calls(of: "C_Sign") == signatures)
            #expect(await group.shutdown())
            #expect(try faults.openSessions() == 0)
        }
    }

    @Test func nothingWaitsLongerThanItsPatienceForAnOpeningThatHangs() async throws {
        try await run { site in
            let group = site.sealed(patience: .seconds(5))
            let rules = try site.faults.always("C_GetTokenInfo", "hang")
            try await group.unseal(try site.pins)
            #expect(group.open.count == 1)
            let serial = site.manifest.tokens[1].serial
            let pin = try #require(try site.pins[serial])
            let start = ContinuousClock.now
            await group.hold(pin, of: serial)
            await #expect(throws: CustodyError.self) {
                try await group.whileReleased(library: site.module.path) {
                    Issue.record("the library was in use")
                    return [:]
                }
            }
            #expect(ContinuousClock.now - start < .seconds(30))
            // What was held up goes on.
            try site.faults.lift(rules)
            try await until { group.open.count == 2 }
            try await group.whileReleased(library: site.module.path) { [:] }
            #expect(group.open.count == 2)
            #expect(await group.shutdown())
        }
    }

    @Test func aTokenWhoseFirstCanaryHangsIsOpenedThoughTheCallNeverReturns() async throws {
        try await run { site in
            let group = site.sealed()
            let rules = try site.faults.always("C_Sign", "call=1 hang")
            try await group.unseal(try site.pins)
            try await until { group.open.count == 2 }
            // The process may not end by way of exit handlers as long as a call is inside the library.
            #expect(await !group.shutdown())
            try site.faults.lift(rules)
            try await until { await group.shutdown() }
        }
    }

    @Test func aKeyInQuarantineStaysThereWhenItsLibraryWasReleased() async throws {
        try await run { site in
            let group = try await HSMGroup.open(site.several.site.settings, manifest: site.manifest, logger: .silent)
            try await until { group.open.count == 2 }
            let entry = try #require(
                site.manifest.keys.first { $0.purpose == .signing && $0.token == site.manifest.tokens[1].serial })
            _ = try group.keys.signing(kid: entry.kid).hsm.path.key.quarantine()
            try await group.whileReleased(library: site.module.path) { [:] }
            let key = try group.keys.signing(kid: entry.kid).hsm
            await #expect(throws: HSMError(.quarantined)) {
                _ = try await key.sign(Array("message".utf8), deadline: .now + .seconds(30))
            }
            #expect(await group.shutdown())
        }
    }
}
