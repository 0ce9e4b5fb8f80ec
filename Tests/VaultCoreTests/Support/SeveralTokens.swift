import Foundation
import Testing
import VaultCore
import VaultTesting

/// A core's surroundings with two tokens that no other test has; the second is reached through a library of its own.
struct SeveralTokens {
    var site: CoreSite
    let tokens: [SoftHSMDirectory.Token]

    /// Runs `body` where genesis has been: each token holds a signing, a checkpoint and a TLS key.
    static func withGenesis(
        keys: Set<String> = ["sign-es256", "checkpoint", "tls-gateway"], secondModule: String? = nil,
        _ body: (SeveralTokens) async throws -> Void
    ) async throws {
        try await CoreSite.withEmptyToken { site in
            var site = site
            let fixture = try SoftHSMFixture.shared()
            let second = try fixture.takeToken()
            site.settings.tokens[0].field = "hsm.tokens[0]"
            site.settings.tokens.append(
                .init(
                    field: "hsm.tokens[1]", module: secondModule ?? fixture.secondModulePath, uri: second.uri,
                    pinFile: second.pinFile))
            site.settings.keys = site.settings.keys.filter { keys.contains($0.label) }
            try await site.genesis()
            try await body(SeveralTokens(site: site, tokens: [site.token, second]))
        }
    }

    /// Runs `body` with a core over both tokens, and shuts it down.
    static func run(
        keys: Set<String> = ["sign-es256", "checkpoint", "tls-gateway"],
        changing change: (inout SeveralTokens) throws -> Void = { _ in },
        _ body: (CoreFixture, SeveralTokens) async throws -> Void
    ) async throws {
        try await withGenesis(keys: keys) { several in
            var several = several
            try change(&several)
            let fatal = FatalErrors()
            let core = try await several.site.start(fatal: fatal)
            do {
                try await body(CoreFixture(site: several.site, core: core, fatal: fatal), several)
            } catch {
                await core.shutdown()
                throw error
            }
            await core.shutdown()
        }
    }
}
