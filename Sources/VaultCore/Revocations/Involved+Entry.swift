import AuditLog
import CoreProtocol
import Minting

extension Involved {
    /// Those an entry of the log names.
    ///
    /// A client that handed a token on stands among its actors. Whoever's name reads like a client's counts as one,
    /// whatever its issuer: no issuer is a way out of a cut-off. The user's is what the front says, and no `sub` of a
    /// token is two users': so it is not asked.
    ///
    /// - Parameters:
    ///   - entry: The entry.
    ///   - issued: When the credential was issued that proves the user; where that is told, actors wait with anybody
    ///     whose sessions were ended, as in the front.
    init(_ entry: Entry, issued: IssueTime = .notTold) {
        let actors = entry.actors ?? []
        let user = entry.user.map { Party(names: [$0.sub], issuer: nil, issued: issued) }
        let ofActors = issued == .notTold ? issued : .unknown
        self.init(
            parties: (user.map { [$0] } ?? [])
                + actors.map { Party(names: [$0.sub], issuer: $0.iss, issued: ofActors) },
            clients: (entry.client.map { [$0] } ?? []) + actors.compactMap { ClientSubject.client(in: $0.sub) },
            target: entry.target, audience: entry.audience)
    }
}
