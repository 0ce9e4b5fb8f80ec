package import AuditLog

/// The revocations and cut-offs that are in force: kept by the core and, as a copy, by the front.
///
/// Each dies with what it stops, so the list is as long as there is something to stop, and no longer.
package struct RevocationList: Sendable {
    /// What is in force beyond the life of a token, in seconds: the largest clock skew that a verifier may allow.
    package static let grace: Int64 = 60

    private var revoked: [String: Int64] = [:]
    private var parties: [String: [CutOff]] = [:]
    private var clients: [String: [CutOff]] = [:]
    private var targets: [String: [CutOff]] = [:]
    /// The cut-offs of security events: one for each user, the last session that has ended.
    private var sessions: [Session: CutOff] = [:]

    /// Whose sessions end.
    private struct Session: Hashable {
        let issuer: String?
        let subject: String

        /// Nil for what is no security event: those have a `jti`, and no person behind them.
        init?(_ entry: Entry) {
            guard entry.kind == .cutoff, entry.jti != nil, entry.operator == nil, entry.iat != nil,
                let subject = entry.subject
            else { return nil }
            (issuer, self.subject) = (subject.iss, subject.sub)
        }
    }

    /// An empty list.
    package init() {}

    /// How many tokens are revoked.
    package var revokedCount: Int { revoked.count }
    /// How many cut-offs are in force.
    package private(set) var cutOffCount = 0

    /// Takes over a `revoked` or `cutoff` entry; false when it is neither, says too little, or is over.
    ///
    /// One that is there already changes nothing.
    @discardableResult
    package mutating func insert(_ entry: Entry, now: Int64) -> Bool {
        guard let until = Self.end(of: entry), until > now else { return false }
        if entry.kind == .revoked, let jti = entry.jti {
            revoked[jti] = max(until, revoked[jti] ?? 0)
            return true
        }
        guard let cutOff = CutOff(entry) else { return false }
        if let session = Session(entry) {
            guard !holdsEvent(entry, now: now) else { return false }
            if let earlier = sessions.updateValue(cutOff, forKey: session) { remove(earlier) }
        }
        insert(cutOff)
        return true
    }

    /// How many users' sessions security events have ended.
    package var eventCount: Int { sessions.count }

    /// Whether what a security event says is in force: from whomever it comes, and however often.
    package func holdsEvent(_ entry: Entry, now: Int64) -> Bool {
        guard let session = Session(entry), let known = sessions[session], let last = known.issuedUpTo,
            let asked = CutOff(entry)?.issuedUpTo
        else { return false }
        // An earlier event that comes again later would else take the place of the later one, and give sessions back.
        return known.until > now && last >= asked
    }

    /// Whether sessions of the same user were ended by an earlier event, whose place this one takes.
    package func replacesEvent(_ entry: Entry) -> Bool { Session(entry).map { sessions[$0] != nil } ?? false }

    /// Whether two entries are security events about one user.
    package static func areOfOneUser(_ one: Entry, _ other: Entry) -> Bool {
        Session(one).map { $0 == Session(other) } ?? false
    }

    /// The second at which an entry no longer matters; nil for entries that stop nothing.
    package static func end(of entry: Entry) -> Int64? {
        switch entry.kind {
        case .revoked: entry.jti == nil ? nil : entry.until
        case .cutoff: CutOff(entry)?.until
        default: nil
        }
    }

    /// Forgets what is over.
    package mutating func removeExpired(now: Int64) {
        revoked = revoked.filter { $0.value > now }
        sessions = sessions.filter { $0.value.until > now }
        for path in [\Self.parties, \Self.clients, \Self.targets] {
            let kept = self[keyPath: path].mapValues { $0.filter { $0.until > now } }.filter { !$0.value.isEmpty }
            self[keyPath: path] = kept
        }
        cutOffCount = [parties, clients, targets].reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.count } }
    }

    /// Whether the token with this `jti`, or one that it descends from, has been revoked.
    ///
    /// The `jti` of a token that was made from another one begins with the other's and a dot, and the other's revocation
    /// is in force at least as long.
    package func isRevoked(_ jti: String, now: Int64) -> Bool {
        guard !revoked.isEmpty else { return false }
        var name = jti[...]
        while (revoked[String(name)] ?? 0) <= now {
            guard let dot = name.lastIndex(of: ".") else { return false }
            name = name[..<dot]
        }
        return true
    }

    /// The first cut-off that covers anybody or anything involved.
    package func cutOff(_ involved: Involved, now: Int64) -> CutOff? {
        guard cutOffCount > 0 else { return nil }
        for client in involved.clients {
            if let found = clients[client]?.first(where: { $0.until > now }) { return found }
        }
        for target in [involved.target, involved.audience] {
            guard let target, let found = targets[target]?.first(where: { $0.until > now }) else { continue }
            return found
        }
        for party in involved.parties {
            for name in party.names {
                if let found = parties[name]?.first(where: { $0.until > now && $0.covers(party) }) { return found }
            }
        }
        return nil
    }

    private mutating func insert(_ cutOff: CutOff) {
        let isNew =
            switch cutOff.kind {
            case .user, .agent: Self.add(cutOff, to: &parties)
            case .client: Self.add(cutOff, to: &clients)
            case .target: Self.add(cutOff, to: &targets)
            }
        if isNew { cutOffCount += 1 }
    }

    private mutating func remove(_ cutOff: CutOff) {
        guard let place = parties[cutOff.name]?.firstIndex(of: cutOff) else { return }
        parties[cutOff.name]?.remove(at: place)
        cutOffCount -= 1
    }

    private static func add(_ cutOff: CutOff, to group: inout [String: [CutOff]]) -> Bool {
        guard group[cutOff.name]?.contains(cutOff) != true else { return false }
        group[cutOff.name, default: []].append(cutOff)
        return true
    }
}
