import Custody
package import VaultTesting

/// Tokens with the keys of a development genesis, lent to one test after another: RSA keys take long to make, and a
/// process has a bounded number of tokens.
package actor ProvisionedTokens {
    /// A token, and the manifest that names its keys.
    package struct Provisioned: Sendable {
        package let token: SoftHSMDirectory.Token
        package let manifest: [UInt8]
    }

    /// Those of this process.
    package static let shared = ProvisionedTokens()

    /// How many are lent at a time; the other tests wait.
    private static let limit = 4

    private var free: [Provisioned] = []
    private var lent = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Lends one; each is given back exactly once.
    package func lend() async throws -> Provisioned {
        if lent < Self.limit { lent += 1 } else { await withCheckedContinuation { waiting.append($0) } }
        if let provisioned = free.popLast() { return provisioned }
        do {
            return try await make()
        } catch {
            giveBack(nil)
            throw error
        }
    }

    /// Takes one back; nil when it is of no use to others any more.
    package func giveBack(_ provisioned: Provisioned?) {
        if let provisioned { free.append(provisioned) }
        if waiting.isEmpty { lent -= 1 } else { waiting.removeFirst().resume() }
    }

    private func make() async throws -> Provisioned {
        try await CoreSite.withEmptyToken { site in
            Provisioned(token: site.token, manifest: try await site.genesis().jsonBytes)
        }
    }
}
