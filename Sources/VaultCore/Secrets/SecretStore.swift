import AuditLog
import Custody
import Synchronization

/// The envelopes on disk; which of them is current, the log alone says.
///
/// `NAME.json` is the current envelope, `NAME.json.next` one whose leaf may not be there yet. A crash between leaf and file
/// leaves the current envelope under the one name or the other; whoever puts an older file back is found out by its hash.
struct SecretStore: Sendable {
    private let directory: String

    init(directory: String) { self.directory = directory }

    /// The envelope that the newest leaf of its name says is current; nil when the secret was removed.
    func current(_ leaf: Entry) throws(CustodyError) -> SealedSecret? {
        guard leaf.kind != .secretRemoved, let name = leaf.secret else { return nil }
        let (path, next) = (path(name), path(name) + ".next")
        if let envelope = try? read(path), envelope.hash == leaf.inputSHA256 { return envelope }
        if let envelope = try? read(next), envelope.hash == leaf.inputSHA256 {
            // Whoever moves it first has done it for all.
            try? move(next, to: path)
            return envelope
        }
        let found = try read(path)
        throw CustodyError(
            found.version < leaf.secretVersion ?? 0 ? .stale : .foreign,
            "the envelope of \(name) is not the one the log says is current (version \(leaf.secretVersion ?? 0)): "
                + "somebody changed \(path), or put an older one back")
    }

    /// Makes an envelope durable that is to become the current one, beside the one that is.
    func prepare(_ envelope: SealedSecret) throws(CustodyError) {
        try PrivateFile.makeDirectory(directory)
        try PrivateFile.replace(path(envelope.name) + ".next", envelope.bytes, mode: 0o600)
    }

    /// The leaf of a prepared envelope is durable: it takes its place.
    func commit(_ envelope: SealedSecret) throws(CustodyError) {
        do throws(CustodyError) {
            try move(path(envelope.name) + ".next", to: path(envelope.name))
        } catch {
            // An opening that came in between has moved it.
            guard try read(path(envelope.name)) == envelope else { throw error }
        }
    }

    /// The leaf of a prepared envelope could not be written.
    func withdraw(_ envelope: SealedSecret) { try? PrivateFile.remove(path(envelope.name) + ".next") }

    /// The secret's removal is durable: nothing of it stays.
    func remove(_ name: String) throws(CustodyError) {
        for path in [path(name), path(name) + ".next"] { try PrivateFile.remove(path) }
        try PrivateFile.syncDirectory(directory)
    }

    /// Ends what a process that died has left between a leaf and its files: for a start, before anything is sealed.
    func settle(_ leaf: Entry) throws(CustodyError) {
        guard let name = leaf.secret else { return }
        if leaf.kind == .secretRemoved {
            let files = Set(["\(name).json", "\(name).json.next"])
            guard try !files.isDisjoint(with: PrivateFile.names(in: directory)) else { return }
            try remove(name)
        } else if try current(leaf) == read(path(name)) {
            // What lies beside the current one has no leaf, and nobody waits for it any more.
            try PrivateFile.remove(path(name) + ".next")
        }
    }

    private func path(_ name: String) -> String { "\(directory)/\(name).json" }

    private func read(_ path: String) throws(CustodyError) -> SealedSecret {
        try SealedSecret(file: try PrivateFile.readPublic(path, limit: SealedSecret.maximumBytes))
    }

    private func move(_ source: String, to target: String) throws(CustodyError) {
        try PrivateFile.move(source, to: target)
        try PrivateFile.syncDirectory(directory)
    }
}
