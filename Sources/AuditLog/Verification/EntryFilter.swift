package import StrictEncoding

/// Which entries somebody wants to see; what is nil says nothing.
package struct EntryFilter: Sendable {
    /// What came of a request.
    package enum Decision: String, Sendable, CaseIterable {
        case granted, denied
    }

    /// Subject of the user, or of whom an entry is about.
    package var user: String?
    /// Subject of any actor of the chain.
    package var agent: String?
    /// The client that asked, by its id.
    package var client: String?
    /// What a credential was asked for.
    package var target: String?
    /// The tool that was to be called.
    package var tool: String?
    /// The rule or denial that decided.
    package var rule: String?
    /// The request, as the answer's X-Request-Id names it.
    package var requestID: String?
    /// The credential.
    package var jti: String?
    /// What came of the request.
    package var decision: Decision?
    /// A kind, or a group of kinds such as `admin`.
    package var kind: String?
    /// From this moment on.
    package var since: UnixTime?
    /// Before this moment.
    package var until: UnixTime?

    /// A filter that lets everything through.
    package init() {}

    /// Whether an entry is wanted.
    package func matches(_ entry: Entry) -> Bool {
        matchesParties(entry) && matchesWhat(entry) && matchesTime(entry)
    }

    /// What a filter makes of a leaf.
    package enum Answer: Sendable, Equatable {
        case unwanted
        case wanted(Entry)
        /// It may be wanted, but a newer version wrote it: its kind or a member is not known here.
        case unread
    }

    /// Whether a leaf is wanted, by what this version can read of it.
    ///
    /// Kind and time are where every version has them; what else is asked for, nobody here can say of such an entry.
    package func answer(_ bytes: [UInt8]) -> Answer {
        if let entry = try? Entry(jsonBytes: bytes) { return matches(entry) ? .wanted(entry) : .unwanted }
        guard let object = (try? JSONParser.parse(bytes))?.object else { return .unread }
        if let kind, let name = object["kind"]?.string, name != kind, !name.hasPrefix(kind + ".") { return .unwanted }
        guard let time = object["time"]?.string.flatMap({ UnixTime(rfc3339: $0) }) else { return .unread }
        return matches(time) ? .unread : .unwanted
    }

    private func matchesParties(_ entry: Entry) -> Bool {
        if let user {
            let isSubject = entry.subjectType == "user" && entry.subject?.sub == user
            guard entry.user?.sub == user || isSubject else { return false }
        }
        if let agent {
            let isSubject = entry.subjectType == "agent" && entry.subject?.sub == agent
            guard entry.actors?.contains(where: { $0.sub == agent }) == true || isSubject else { return false }
        }
        return client == nil || entry.client == client
    }

    private func matchesWhat(_ entry: Entry) -> Bool {
        guard target == nil || entry.target == target, tool == nil || entry.tool == tool,
            rule == nil || entry.ruleID == rule, decision == nil || decision == EntryFilter.decision(of: entry)
        else { return false }
        guard requestID == nil || entry.requestID == requestID, jti == nil || entry.jti == jti else { return false }
        return kind == nil || entry.kind.rawValue == kind || entry.kind.group == kind
    }

    private func matchesTime(_ entry: Entry) -> Bool {
        guard let time = entry.time else { return since == nil && until == nil }
        return matches(time)
    }

    private func matches(_ time: UnixTime) -> Bool {
        since.map { time >= $0 } ?? true && until.map { time < $0 } ?? true
    }

    /// What came of the request an entry is about; nil when it is about none.
    package static func decision(of entry: Entry) -> Decision? {
        switch entry.kind {
        case .mint, .brokerOutcome, .secretOpened: .granted
        case .denied, .mintAborted: .denied
        default: nil
        }
    }
}
