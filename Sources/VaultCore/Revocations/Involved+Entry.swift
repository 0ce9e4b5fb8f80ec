import AuditLog
import CoreProtocol
import Minting

extension Involved {
    /// Those an entry of the log names.
    ///
    /// A client that handed a token on stands among its actors. Whoever's name reads like a client's counts as one,
    /// whatever its issuer: no issuer is a way out of a cut-off.
    init(_ entry: Entry) {
        let actors = entry.actors ?? []
        let named = (entry.user.map { [$0] } ?? []) + actors
        self.init(
            parties: named.map { Party(names: [$0.sub], issuer: $0.iss, issued: .notTold) },
            clients: (entry.client.map { [$0] } ?? []) + actors.compactMap { ClientSubject.client(in: $0.sub) },
            target: entry.target)
    }
}
