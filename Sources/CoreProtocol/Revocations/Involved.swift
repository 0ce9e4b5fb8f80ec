package import AuditLog

/// Everybody and everything that takes part in one request or stands in one token.
package struct Involved: Sendable {
    /// When the credential was issued in which a party stands.
    package enum IssueTime: Sendable, Equatable {
        /// The credential does not say: then it counts as an old one.
        case unknown
        /// By the clock of its issuer, in seconds since 1970.
        case byIssuer(Int64)
        /// By our own clock, in seconds since 1970.
        case byUs(Int64)
        /// Whoever asks cannot know: what depends on it is for somebody else to check.
        case notTold
    }

    /// A user or an agent.
    package struct Party: Sendable, Equatable {
        /// Its subject in every spelling it may be known by: with and without its issuer's prefix.
        package let names: [String]
        /// Its issuer; nil when nobody says.
        package let issuer: String?
        package let issued: IssueTime

        /// A party under one or more names.
        package init(names: [String], issuer: String?, issued: IssueTime) {
            self.names = names
            self.issuer = issuer
            self.issued = issued
        }
    }

    /// The user and every agent of the chain.
    package var parties: [Party]
    package var client: String?
    package var target: String?

    /// Parties, client and target of a request or token.
    package init(parties: [Party], client: String?, target: String?) {
        self.parties = parties
        self.client = client
        self.target = target
    }

    /// Those an entry of the log names.
    package init(_ entry: Entry) {
        let named = (entry.user.map { [$0] } ?? []) + (entry.actors ?? [])
        self.init(
            parties: named.map { Party(names: [$0.sub], issuer: $0.iss, issued: .notTold) }, client: entry.client,
            target: entry.target)
    }
}
