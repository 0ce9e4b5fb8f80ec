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
    /// Every client by its id: the one that asks, and those by whom it was obtained or handed on what it shows.
    package var clients: [String]
    package var target: String?
    /// `aud` of the token, by which a target may be cut off too; nil while there is no token.
    package var audience: String?

    /// Parties, clients and target of a request or token.
    package init(parties: [Party], clients: [String], target: String?, audience: String? = nil) {
        self.parties = parties
        self.clients = clients
        self.target = target
        self.audience = audience
    }
}
