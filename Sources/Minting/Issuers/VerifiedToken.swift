package import StrictEncoding

/// What a token says whose signature, issuer, role, type, audience and times have been checked.
///
/// Every value here comes from the verified bytes, and every name is visible ASCII.
package struct VerifiedToken: Sendable {
    /// A party as `act` and `may_act` name it.
    ///
    /// Source: RFC 8693 sections 4.1 and 4.4.
    package struct Party: Sendable, Equatable {
        /// Its issuer; nil when the token does not say.
        package let issuer: String?
        /// Its subject.
        package let subject: String

        /// A party.
        package init(issuer: String?, subject: String) {
            self.issuer = issuer
            self.subject = subject
        }
    }

    /// The configured name of the issuer.
    package let issuerName: String
    /// The `iss` claim.
    package let issuer: String
    /// The `sub` claim as the issuer wrote it.
    package let subject: String
    /// The same with the issuer's `subject_prefix`: what our own tokens say.
    package let mappedSubject: String
    /// The `aud` claim, always as a list.
    package let audiences: [String]
    /// The `exp` claim: seconds since 1970.
    ///
    /// With the clock skew it may lie a little behind.
    package let expiry: Int64
    /// The `iat` claim; nil when absent.
    package let issuedAt: Int64?
    /// The `jti` claim; nil when absent.
    package let jti: String?
    /// The user's groups; nil when no claim is configured or the token lacks it, which is not the same as no groups.
    package let groups: [String]?
    /// Who may become the actor; nil when the token leaves it open.
    package let mayAct: Party?
    /// Who acts already, outermost (current) first; empty when nobody does.
    package let actors: [Party]
    /// The `client_id` claim; nil when absent.
    package let clientID: String?
    /// The `azp` claim; nil when absent.
    package let authorizedParty: String?
    /// In an agent's token, the user it acts for, by the claim the issuer configures; nil when absent.
    package let user: String?
    /// All claims.
    package let claims: JSONObject

    /// The tokens of `scope`, which some write as an array; nil when there is no such claim, none when it is unreadable.
    package var scope: [String]? {
        guard let claim = claims["scope"] else { return nil }
        return claim.strings ?? claim.string.flatMap { AccessCeiling.scopeTokens($0) } ?? []
    }
}
