import AuditLog
import CoreProtocol
import Custody
import StrictEncoding
import Synchronization
import Testing
import VaultTesting

@testable import VaultCore

/// A verifier that fetches the key set once an hour at most, and remembers every token that has not ended.
private final class CachingVerifier: Sendable {
    private struct State {
        var kids: Set<String> = []
        var fetched = UnixTime(seconds: 0)
        var tokens: [(kid: String, end: UnixTime)] = []
        var unknown: Set<String> = []
        var signers: Set<String> = []
        var verified = 0
    }

    private let core: VaultCore
    private let now: @Sendable () -> UnixTime
    private let state = Mutex(State())

    init(_ core: VaultCore, now: @escaping @Sendable () -> UnixTime) {
        self.core = core
        self.now = now
    }

    /// Kids that it was shown and did not know.
    var unknown: Set<String> { state.withLock { $0.unknown } }
    var signers: Set<String> { state.withLock { $0.signers } }
    var verified: Int { state.withLock { $0.verified } }

    func accept(_ kid: String, until end: UnixTime) {
        state.withLock { state in
            state.tokens.append((kid, end))
            state.signers.insert(kid)
        }
        verifyAll()
    }

    /// Looks at every token again that is still good.
    func verifyAll() {
        let now = now()
        let published = core.description.keys.filter { key in
            key.purpose == "signing" && ManifestKey.State(rawValue: key.state)?.isPublished == true
        }.map(\.kid)
        state.withLock { state in
            if now >= state.fetched.adding(seconds: 3600) { (state.kids, state.fetched) = (Set(published), now) }
            state.tokens.removeAll { $0.end <= now }
            for token in state.tokens where !state.kids.contains(token.kid) { state.unknown.insert(token.kid) }
            state.verified += state.tokens.count
        }
    }
}

/// Rotation of a signing key while tokens are signed all the time.
@Suite(.timeLimit(.minutes(10))) struct CachingVerifierTests {
    private func load(_ site: CeremonySite, _ verifier: CachingVerifier) async throws {
        while !Task.isCancelled {
            let keys = site.core.manifest.keys.filter { $0.purpose == .signing && $0.state == .active }
            guard let key = keys.randomElement() else { continue }
            let now = site.now
            // A key that was retired between the look and the signature is refused, and the next one is taken.
            if (try? await site.core.sign(MintDraft(key: key, now: now).request)) != nil {
                verifier.accept(key.kid, until: now.adding(seconds: 300))
            }
            try? await Task.sleep(for: .milliseconds(2))
        }
    }

    @Test func aVerifierThatCachedTheKeySetNeverSeesAnUnknownKid() async throws {
        try await CeremonySite.run { site in
            var entry = Entry(kind: .configLoaded)
            entry.bundle = String(repeating: "ab", count: 32)
            _ = try await site.core.append(entry)
            let clock = site.quorum.site.clock
            let verifier = CachingVerifier(site.core) { clock.now }
            func change(_ label: String, _ state: String) async throws {
                let kid = try site.key(label).kid
                try await site.hold(
                    .changeKeyState,
                    ["changes": [["kid": .string(kid), "to": .string(state)]], "consumer_cache_age": "1h"])
            }
            func wait(_ seconds: Int64) {
                for _ in 0..<10 {
                    clock.move(seconds: seconds / 10 + 1)
                    verifier.verifyAll()
                }
            }
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for _ in 0..<4 { tasks.addTask { try await load(site, verifier) } }
                verifier.verifyAll()
                try await site.hold(.generate, ["keys": [CeremonySite.signing("sign-next")]])
                wait(3600)
                try await change("sign-next", "active")
                wait(60)
                try await change("sign-es256", "retiring")
                wait(360)
                try await change("sign-es256", "retired")
                wait(3600)
                tasks.cancelAll()
            }
            #expect(verifier.unknown.isEmpty)
            #expect(verifier.signers.count == 2 && verifier.verified > 100)
        }
    }
}
