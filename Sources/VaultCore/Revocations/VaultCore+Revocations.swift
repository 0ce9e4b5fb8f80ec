import AuditLog
package import CoreProtocol
import Custody
import StrictEncoding

extension VaultCore {
    /// How long after now what the front writes may matter, in seconds: no token and no session lives longer.
    static let maximumReach: Int64 = 86_400 + 2 * RevocationList.grace

    package func read(_ request: ReadRequest) async throws(CoreError) -> LiveEntries {
        await withCheckedContinuation { continuation in
            revocations.read(request) { continuation.resume(returning: $0) }
        }
    }

    /// Refuses a revocation or cut-off that the front may not write, or that says too little to be kept.
    ///
    /// A front in an attacker's hands can stop credentials, which it could anyway by answering nothing; it cannot do so
    /// in a person's name, or for longer than the credentials live.
    func checkStop(_ entry: Entry) throws(CoreError) {
        func require(_ condition: Bool, _ problem: String) throws(CoreError) {
            guard condition else { throw CoreError(.refused, "entry.\(problem)") }
        }
        let now = clock().seconds
        try require(entry.operator == nil, "operator: is not the front's to name")
        try require(
            entry.until.map { (now...now + Self.maximumReach).contains($0) } ?? false,
            "until: is not within a token's life from now")
        switch entry.kind {
        case .revoked:
            try require(entry.jti.map { (16...128).contains($0.utf8.count) } ?? false, "jti: has not 16 to 128 bytes")
            try require(entry.client?.isEmpty == false, "client: is missing")
        default:
            try require(CutOff(entry)?.kind == .user, "subject: is not a user")
            try require(entry.subject?.iss != nil && entry.jti != nil, "subject.iss or jti: is missing")
            try require(entry.iat.map { $0 <= now + RevocationList.grace } ?? false, "iat: is missing, or to come")
        }
        try checkBundle(entry)
        try revocations.checkRoom(for: entry, now: now)
    }

    /// Appends a revocation or cut-off; it is in force before `completion` hears of its leaf.
    func appendStop(_ entry: Entry, completion: @escaping @Sendable (Result<UInt64, CoreError>) -> Void) {
        let entry = completed(entry, key: nil)
        log.append(entry) { result in
            if case .success(let leaf) = result {
                var entry = entry
                entry.time = leaf.time
                self.revocations.add(entry, now: leaf.time.seconds)
            }
            completion(result.map(\.index).mapError { CoreError($0) })
        }
    }

    /// Writes snapshots of what is in force until the task is cancelled.
    func keepSnapshots() async {
        while (try? await Task.sleep(for: RevocationSnapshots.period)) != nil {
            guard !isSealed else { continue }
            await snapshots.saveIfGrown(log.status, revocations, standing, now: clock())
        }
    }

    /// Releases a signature unless a cut-off, or the key's quarantine, was acknowledged while it was made.
    func release(
        _ result: Result<SignedRecord, CoreError>, of entry: Entry, issued: Involved.IssueTime,
        _ completion: @Sendable (Result<SignedRecord, CoreError>) -> Void
    ) {
        guard case .success = result else { return completion(result) }
        do throws(CoreError) {
            try checkActive()
            guard manifest.keys.contains(where: { $0.kid == entry.kid && $0.state == .active }) else {
                throw CoreError(.unknownKey, "key: was taken out of use while it signed")
            }
            try revocations.release(entry, issued: issued, now: clock().seconds) { completion(result) }
        } catch {
            recordAborted(entry, error)
            completion(.failure(error))
        }
    }
}

extension LiveRevocations {
    /// What the log says is in force.
    static func restore(
        _ settings: CoreSettings, keys: [VerifierKey], now: UnixTime
    ) throws(StartError) -> (LiveRevocations, StandingLeaves) {
        let snapshot = RevocationSnapshot.load(
            RevocationSnapshots.path(settings), origin: settings.logOrigin, keys: keys)
        do {
            let replay = try RevocationReplay(
                directory: settings.logDirectory, origin: settings.logOrigin, keys: keys, snapshot: snapshot,
                now: now.seconds)
            return (LiveRevocations(replay.stops, now: now.seconds), StandingLeaves(replay.standing))
        } catch {
            throw StartError(
                file: settings.logDirectory, problem: "\(error)",
                mend: "see docs/operating.md, \"The log does not open\"")
        }
    }
}
