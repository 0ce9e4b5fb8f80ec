package import AuditLog
package import CoreProtocol
package import Custody
import NIOPosix
package import VaultCore

/// A running core in process: real SoftHSM token, real log, a settable clock.
package struct CoreFixture: Sendable {
    package let site: CoreSite
    package let core: VaultCore
    /// What `onFatal` was called with.
    package let fatal: FatalErrors

    /// Runs `body` with a core that no other test has, and shuts it down.
    package static func run(
        spoilsToken: Bool = false, changing change: (inout CoreSettings) -> Void = { _ in },
        _ body: (CoreFixture) async throws -> Void
    ) async throws {
        try await CoreSite.withGenesis(spoilsToken: spoilsToken) { site in
            var site = site
            change(&site.settings)
            let fatal = FatalErrors()
            let core = try await site.start(fatal: fatal)
            do {
                try await body(CoreFixture(site: site, core: core, fatal: fatal))
            } catch {
                await core.shutdown()
                throw error
            }
            await core.shutdown()
        }
    }

    /// Runs `body` with the core's daemon on its two sockets; afterwards the core is shut down.
    package func serving(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let daemon = CoreDaemon(core: core, group: .singletonMultiThreadedEventLoopGroup, logger: .silent)
            group.addTask { try await daemon.run() }
            // The second of the two sockets: when it answers, both do.
            try await accepting(site.settings.adminSocket)
            try await body()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private func accepting(_ path: String) async throws {
        for _ in 0..<12_000 {
            if let connection = try? await connect(path) { return connection.close() }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw CoreError(.unreachable, "the daemon does not answer on \(path)")
    }

    /// A connection to one of the daemon's sockets; the caller closes it.
    package func connect(_ path: String) async throws(CoreError) -> CoreConnection {
        try await CoreConnection.connect(path: path, group: .singletonMultiThreadedEventLoopGroup)
    }

    /// Loads a configuration bundle, as the front does before its first request; returns its hash.
    @discardableResult
    package func loadBundle(_ bundle: String = String(repeating: "ab", count: 32)) async throws -> String {
        var entry = Entry(kind: .configLoaded)
        entry.bundle = bundle
        _ = try await core.append(entry)
        return bundle
    }

    /// The manifest's key with this label; of several tokens the first one's.
    package func key(_ label: String) throws -> ManifestKey {
        guard let key = core.manifest.keys.first(where: { $0.label == label }) else {
            throw CoreError(.unknownKey, label)
        }
        return key
    }

    /// A token to be signed by the key with this label.
    package func draft(_ label: String = "sign-es256") throws -> MintDraft {
        MintDraft(key: try key(label), now: site.clock.now)
    }

    /// The entries of the log in their order, read from its directory.
    package func entries() throws -> [Entry] {
        var entries: [Entry] = []
        try LogReader(directory: site.settings.logDirectory).forEach(in: 0..<UInt64.max) {
            (_, bytes) throws(AuditLogError) in entries.append(try Entry(jsonBytes: bytes))
        }
        return entries
    }
}
