package import AuditLog
import StrictEncoding

/// A user, agent, client or target that gets nothing for a time: what a `cutoff` entry says.
package struct CutOff: Sendable, Equatable {
    /// What is cut off; the raw value stands in the entry.
    package enum Kind: String, Sendable, CaseIterable {
        /// By the `sub` that our own tokens have.
        case user
        /// By the `sub` that stands in `act`.
        case agent
        /// A gateway or another client, by its id.
        case client
        /// A provider or another target, by its name.
        case target
    }

    /// Who or what is stopped.
    package let kind: Kind
    /// Its name, as it stands in entries.
    package let name: String
    /// Whose user or agent; nil for whoever bears the name.
    package let issuer: String?
    /// The second since 1970 at which it ends.
    package let until: Int64
    /// Meant is only what its issuer issued up to this second; nil when everything is.
    ///
    /// Whoever signs in again after that is a new session (CAEP 1.0 section 3.1).
    package let issuedUpTo: Int64?
    /// The second it was recorded in, by our clock: with `issuedUpTo`, our own tokens up to this one are meant.
    package let recorded: Int64

    /// Reads a `cutoff` entry of the log; nil when it does not say what such an entry must.
    package init?(_ entry: Entry) {
        guard entry.kind == .cutoff, let subject = entry.subject, !subject.sub.isEmpty,
            let kind = entry.subjectType.flatMap({ Kind(rawValue: $0) }), let until = entry.until
        else { return nil }
        guard subject.iss == nil || kind == .user || kind == .agent else { return nil }
        self.kind = kind
        name = subject.sub
        issuer = subject.iss
        self.until = until
        issuedUpTo = entry.iat
        recorded = entry.time?.seconds ?? 0
    }

    /// Whether a party is the one that is cut off, by credentials as old as its own.
    ///
    /// An issuer that is not known is no way out: then the name alone decides.
    func covers(_ party: Involved.Party) -> Bool {
        guard issuer == nil || party.issuer == nil || issuer == party.issuer else { return false }
        guard let issuedUpTo else { return true }
        return switch party.issued {
        case .unknown: true
        case .byIssuer(let time): time <= issuedUpTo
        case .byUs(let time): time <= recorded
        case .notTold: false
        }
    }
}
