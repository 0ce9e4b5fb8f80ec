import AuditLog
import CoreProtocol
import Minting
import StrictEncoding

/// What each kind of token may hold, and how its entry says who asked and for whom.
///
/// A key's profile lists the kinds it may sign; within a kind nothing is signed that the kind does not have
/// (docs/threat-model.md, "The front").
extension Gate {
    /// The kind a `typ` header means; an unknown one is refused, whatever the profile lists.
    static func kind(_ type: String) throws(CoreError) -> TokenKind {
        guard let kind = TokenKind(rawValue: type) else { throw refusal("header.typ: is no kind of token") }
        return kind
    }

    /// Refuses claims that the kind does not have, a claim that it must have and a life that is too long for it.
    static func checkKind(_ kind: TokenKind, _ claims: JSONObject) throws(CoreError) {
        let known = kind.claims
        if let name = claims.firstName(notIn: known.all) {
            throw refusal("claims: \(shown(name)) is not one of this kind of token")
        }
        if let missing = known.required.first(where: { claims[$0] == nil }) {
            throw refusal("claims.\(missing): is missing")
        }
        if let maximum = kind.maximumLifetime, let issuedAt = claims["iat"]?.integer,
            let expiry = claims["exp"]?.integer
        {
            guard expiry - maximum <= issuedAt else { throw refusal("claims.exp: is outside the kind's life") }
        }
    }

    /// The entry names the user of the token: its `sub`, or where that follows a template, its `sub_id`.
    static func checkSubject(_ kind: TokenKind, _ claims: JSONObject, _ entry: Entry) throws(CoreError) {
        guard let subject = claims["sub"]?.string, !subject.isEmpty, let user = entry.user else {
            throw refusal("entry.user: is not the token's subject")
        }
        let isSame: Bool
        if kind == .federation {
            isSame =
                claims["sub_id"] == [
                    "format": "iss_sub", "iss": user.iss.map { .string($0) } ?? .null, "sub": .string(user.sub),
                ]
        } else {
            isSame = user.sub == subject
        }
        guard isSame else { throw refusal("entry.user: is not the token's subject") }
        // What a cloud takes the token's bearer for, where that is not the user's own name.
        guard entry.subject == (kind == .federation ? .init(iss: nil, sub: subject) : nil) else {
            throw refusal("entry.subject: is not the token's subject")
        }
    }

    /// The entry names the call that the token is for, which is in `tctx` of a transaction token.
    static func checkDetails(_ entry: Entry, against claims: JSONObject) throws(CoreError) {
        let claim = claims["authorization_details"] ?? claims["tctx"]?.object?["authorization_details"]
        guard let claim else {
            guard entry.tool == nil, entry.actions == nil, entry.locations == nil, entry.identifier == nil,
                entry.argumentsSHA256 == nil
            else { throw refusal("entry: names a call, and the token none") }
            return
        }
        guard let call = try? ToolInvocation(claim), call.tool == entry.tool, call.actions == entry.actions ?? [],
            call.locations == entry.locations ?? [], call.identifier == entry.identifier,
            call.argumentsSHA256 == entry.argumentsSHA256
        else { throw refusal("entry: tool, actions, locations, identifier or arguments are not the token's") }
    }

    /// The entry names the client that asked, as the token does; the client of an identity assertion is somebody else's.
    static func checkClient(_ kind: TokenKind, _ claims: JSONObject, _ entry: Entry) throws(CoreError) {
        guard let name = kind.clientClaim else {
            guard entry.client?.isEmpty == false else { throw refusal("entry.client: is missing") }
            return
        }
        guard let client = claims[name]?.string, entry.client == client else {
            throw refusal("entry.client: is not the token's")
        }
    }
}
