import Minting
import StrictEncoding

/// A partner's identity assertion that this client may redeem.
///
/// Source: RFC 7523 section 3, draft-ietf-oauth-identity-assertion-authz-grant section 4.4.1.
struct RedeemedAssertion: Sendable {
    /// Why an assertion is not for this client; says nothing of its values.
    struct Rejection: Error, CustomStringConvertible {
        let description: String
    }

    /// The longest time an assertion may be good for, in seconds: as long its `jti` is remembered.
    static let maximumLifetime: Int64 = 3600

    /// The verified token.
    let token: VerifiedToken
    /// Its identifier, which can be used once.
    let jti: String
    /// `iat`: seconds since 1970.
    let issuedAt: Int64
    /// What it was issued for, beside policy.
    let ceiling: AccessCeiling
    /// The resources it was issued for; empty when it leaves them open.
    let resources: [String]

    /// Checks what the draft asks of an assertion beyond a verified token; `issuer` is ours, for which alone it may be.
    init(
        _ token: VerifiedToken, redeemedBy principal: Principal, issuer: String, now: UnixTime
    ) throws(Rejection) {
        guard token.audiences == [issuer] else { throw Rejection(description: "aud is not our issuer alone") }
        guard token.clientID == principal.client else { throw Rejection(description: "client_id is another client") }
        guard let jti = token.jti else { throw Rejection(description: "claim jti is missing") }
        guard let issuedAt = token.issuedAt else { throw Rejection(description: "claim iat is missing") }
        guard token.expiry <= now.seconds + Self.maximumLifetime else {
            throw Rejection(description: "exp is too far ahead")
        }
        try Self.check(confirmation: token.claims["cnf"], principal)
        self.token = token
        self.jti = jti
        self.issuedAt = issuedAt
        resources = try Self.resources(token.claims["resource"])
        ceiling = AccessCeiling(
            scope: try Self.scope(token.claims["scope"]),
            details: try Self.details(token.claims["authorization_details"]))
    }

    /// An assertion that is bound is good for whoever proves to hold what it is bound to, and for nobody else.
    ///
    /// What is not understood could be a condition, so it is not met. Source: RFC 7800 section 3.1, RFC 9449 section
    /// 6.1, RFC 8705 section 3.1.
    private static func check(confirmation claim: JSONValue?, _ principal: Principal) throws(Rejection) {
        guard let claim else { return }
        guard let members = claim.object?.members, !members.isEmpty else {
            throw Rejection(description: "cnf is not acceptable")
        }
        for member in members {
            let shown: String?
            switch member.name {
            case "jkt": shown = principal.keyThumbprint
            case "x5t#S256": shown = principal.thumbprint
            default: throw Rejection(description: "cnf has a member that is not understood")
            }
            guard let shown, member.value == .string(shown) else {
                throw Rejection(description: "cnf is not what the client has proved to hold")
            }
        }
    }

    private static func resources(_ claim: JSONValue?) throws(Rejection) -> [String] {
        guard let claim else { return [] }
        guard let resources = claim.string.map({ [$0] }) ?? claim.strings, (1...8).contains(resources.count) else {
            throw Rejection(description: "claim resource is not acceptable")
        }
        return resources
    }

    private static func scope(_ claim: JSONValue?) throws(Rejection) -> [String]? {
        guard let claim else { return nil }
        guard let text = claim.string, let scope = AccessCeiling.scopeTokens(text) else {
            throw Rejection(description: "claim scope is not acceptable")
        }
        return scope
    }

    private static func details(_ claim: JSONValue?) throws(Rejection) -> Minting.ToolInvocation? {
        guard let claim else { return nil }
        guard let details = try? Minting.ToolInvocation(claim) else {
            throw Rejection(description: "claim authorization_details is not acceptable")
        }
        return details
    }
}
