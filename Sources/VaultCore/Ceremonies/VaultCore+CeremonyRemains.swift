import Custody
import Logging
import StrictEncoding

extension VaultCore {
    /// How many looks at what is in memory there are to one at the files.
    private static let looks = 10

    /// Follows what ceremonies hold and what they leave, whoever calls or does not.
    func watchCeremonies() async {
        for desk in await ceremonies.forgetExpired(clock()) { await recordEnded(desk) }
        for desk in ceremonies.desks { await recordEnded(desk) }
        guard ceremonies.isTimeToLook(each: Self.looks) else { return }
        do {
            try removeRemains()
        } catch {
            logger.error("what a ceremony has left could not be removed", metadata: ["reason": "\(error)"])
        }
    }

    /// Ends what a process before this one has left between two files: what was half written is removed, and of ceremonies
    /// that have ended the log hears the last lines, and people get the head to sign.
    ///
    /// Nothing of it keeps a core from starting.
    func settleCeremonies() async {
        guard let directory = try? quorum().directory else { return }
        do {
            try directory.removeUnfinished()
        } catch {
            logger.error("what was half written could not be removed", metadata: ["reason": "\(error)"])
        }
        for id in (try? PrivateFile.names(in: directory.ceremonies)) ?? [] where CeremonyPlan.isID(id) {
            // What cannot be read is reported by its status; a genesis goes on by its own command.
            guard let ceremony = try? CoreCeremony(id, in: self) else { continue }
            do {
                try await ceremony.settle()
            } catch {
                logger.error(
                    "a ceremony's end could not be told", metadata: ["ceremony": "\(id)", "reason": "\(error)"])
            }
        }
        ceremonies.forgetEmpty()
    }

    /// Ends what is in memory of a ceremony, and what lies on the disk of it that would open something.
    func endCeremony(_ ceremony: CoreCeremony) async throws {
        let desk = await ceremonies.forget(ceremony.plan.id)
        if let desk { await recordEnded(desk) }
        try ceremony.removeRemains()
    }

    /// Removes what no ceremony needs any more and nobody should find: private keys that came in clear and were not taken
    /// in time, PINs that a token's ceremony has handed on.
    func removeRemains() throws {
        for directory in try directoriesOfKeys() {
            let ceremony = Remains(directory)
            guard ceremony.isThere, ceremony.isOver(now: clock()) else { continue }
            try ceremony.remove()
            logger.notice("removed what a ceremony had left", metadata: ["ceremony": "\(directory.path)"])
        }
    }

    /// Whether an ended ceremony still has the PIN of a token, which shares of its epoch open.
    func hasKeptPINs() throws -> Bool {
        try directoriesOfKeys().map(Remains.init).contains { $0.isThere && $0.isOver(now: clock()) }
    }

    private func directoriesOfKeys() throws -> [CeremonyDirectory] {
        let root = try quorum().directory.ceremonies
        let kinds = [CeremonyKind.importKey, .replicate].map { "\($0.rawValue)-" }
        return try PrivateFile.names(in: root).filter { id in
            CeremonyPlan.isID(id) && kinds.contains { id.hasPrefix($0) }
        }.sorted().map { try CeremonyDirectory(root: root, id: $0) }
    }
}

extension CoreCeremony {
    /// Removes files that would open something, once nobody needs them.
    func removeRemains() throws { try Remains(directory).remove() }
}

/// The files of one ceremony that are worth something to a thief, or invite people to do what is no use any more.
private struct Remains {
    private let directory: CeremonyDirectory
    private let files: [String]

    init(_ directory: CeremonyDirectory) {
        self.directory = directory
        files = [
            directory.file(KeyImportSteps.clearFile), "\(directory.work)/\(KeyImportSteps.wrappedFile)",
            "\(directory.work)/\(Replica.pinFile)", directory.file(KeyImportSteps.transportFile),
        ]
    }

    var isThere: Bool { files.contains { directory.exists($0) } }

    /// Whether the ceremony has ended, or its time has, with nothing of it in force; false when that cannot be known.
    func isOver(now: UnixTime) -> Bool {
        guard let plan = try? directory.loadPlan(), let transcript = try? directory.loadTranscript(plan: plan) else {
            return false
        }
        if [.completed, .aborted].contains(transcript.phase) { return true }
        return now >= plan.expires && !transcript.touched.contains(ManifestSteps.install)
    }

    func remove() throws {
        guard isThere else { return }
        for file in files { try PrivateFile.remove(file) }
        try PrivateFile.syncDirectory(directory.work)
        try PrivateFile.syncDirectory(directory.path)
    }
}
