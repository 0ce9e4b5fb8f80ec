import Minting

/// What a target's tokens are, with what that kind needs to know.
enum TargetKind: Sendable, Equatable {
    /// An access token of ours.
    case accessToken
    /// A transaction token; the target's audience is the trust domain.
    case transaction
    /// An identity assertion that `clientID` redeems at the target.
    case identityAssertion(clientID: String)
    /// A token for a federation.
    case federation(subject: ClaimTemplate, tags: [SessionTag])

    /// The kind of token.
    var tokenKind: TokenKind {
        switch self {
        case .accessToken: .accessToken
        case .transaction: .transaction
        case .identityAssertion: .identityAssertion
        case .federation: .federation
        }
    }

    /// What the token may be called; the first is what it is called when the request leaves it open.
    private var names: [TokenType] {
        switch self {
        case .accessToken: [.accessToken, .jwt]
        case .transaction: [.transactionToken]
        case .identityAssertion: [.identityAssertion]
        case .federation: [.jwt, .idToken]
        }
    }

    /// What the answer calls the token; refuses a request for something else than the target has.
    func issuedType(requested: TokenType?) throws(ExchangeRefusal) -> TokenType {
        guard let requested else { return names[0] }
        guard names.contains(requested) else { throw .tokenType }
        return requested
    }
}
