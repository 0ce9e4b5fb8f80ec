import AuditLog
package import Custody
import HSMBridge
package import StrictEncoding
import Synchronization

/// Puts a ceremony's transcript into the audit log while no core runs that could: the entries before the first key.
///
/// Nothing can sign a checkpoint yet, so these entries stand in the journal until the first activation covers them.
package final class CeremonyRecorder: Sendable {
    private let plan: CeremonyPlan
    private let settings: CoreSettings
    private let clock: @Sendable () -> UnixTime
    private let log = Mutex<AuditLog?>(nil)

    /// A recorder that opens the log of the settings with the first line, and no sooner.
    package init(_ plan: CeremonyPlan, settings: CoreSettings, clock: @escaping @Sendable () -> UnixTime) {
        self.plan = plan
        self.settings = settings
        self.clock = clock
    }

    /// Appends what the log hears of a line, durably.
    package func record(_ line: TranscriptLine) async throws {
        for entry in line.entries(of: plan) { try await append(entry) }
    }

    /// Says that a manifest is in force from here on.
    package func installed(_ manifest: Manifest) async throws {
        var entry = Entry(kind: .adminManifestInstalled)
        (entry.custody, entry.manifestVersion) = (manifest.custodyStatement, manifest.version)
        entry.detail = ["manifest_hash": manifest.hash]
        try await append(entry)
    }

    /// Lets the next writer in; that no checkpoint could be signed is no fault here.
    package func close() async {
        let log = log.withLock { log in
            defer { log = nil }
            return log
        }
        try? await log?.close()
    }

    private func append(_ entry: Entry) async throws {
        var entry = entry
        entry.custody = entry.custody ?? Manifest.Mode.quorum.rawValue
        _ = try await opened().append(entry)
    }

    private func opened() throws(StartError) -> AuditLog {
        try log.withLock { (log) throws(StartError) in
            if let log { return log }
            let opened = try open()
            log = opened
            return opened
        }
    }

    private func open() throws(StartError) -> AuditLog {
        var options = settings.logOptions
        options.checkpointInterval = settings.checkpointInterval
        options.headroom = settings.headroom
        options.closeTimeout = .milliseconds(100)
        options.complete = { $0.custody = Manifest.Mode.quorum.rawValue }
        do {
            return try AuditLog.open(
                directory: settings.logDirectory, origin: settings.logOrigin, signers: CheckpointSigners([]),
                clock: clock,
                options: options, onFatal: { _ in })
        } catch {
            throw StartError(
                file: settings.logDirectory, problem: "\(error)",
                mend: error.code == .locked
                    ? "a core is running there: stop it" : "see docs/operating.md, \"The log does not open\"")
        }
    }
}

extension TranscriptLine {
    /// What the audit log hears of a line: the keys that exist since, and then the line itself.
    ///
    /// The line comes last: it is what says that all of it was heard, and is told again until it was.
    func entries(of plan: CeremonyPlan) -> [Entry] {
        keys.map { key in
            var entry = Entry(kind: .adminKeysGenerated)
            (entry.kid, entry.keyLabel) = (key.kid, key.label)
            entry.detail = ["token": key.token, "purpose": key.purpose.rawValue, "alg": key.algorithm]
            // It was made elsewhere, and this appliance cannot know who else has it.
            if key.provenance == .imported { entry.detail?["provenance"] = key.provenance.rawValue }
            return entry
        } + [entry(of: plan)]
    }
}
