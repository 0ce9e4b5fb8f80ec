package import AuditLog
package import CoreProtocol
import Crypto
package import Custody
import Minting
package import StrictEncoding

/// Decides whether a signing input may be signed: it fits the key's profile in the manifest, and the entry that goes
/// into the log says the same as the token will.
///
/// The front is not trusted for any of this (docs/threat-model.md, "The front"): whoever holds it can have signed only tokens
/// of the profiles the manifest allows, each with a true record.
package enum Gate {
    /// How far `iat` may lie behind the core's clock: what a request may spend between minting and here, in seconds.
    package static let maximumAge: Int64 = 10
    /// How far `iat` may lie ahead of it, in seconds: both processes read one clock.
    package static let maximumLead: Int64 = 1
    private static let headerMembers: Set = ["alg", "kid", "typ"]

    /// Refuses an input outside the key's profile and an entry that does not match the input.
    ///
    /// The error's reason names the member, never its value.
    package static func check(
        input: [UInt8], entry: Entry, key: ManifestKey, now: UnixTime
    ) throws(CoreError) {
        guard key.purpose == .signing, let profile = key.gate else { throw refusal("key: is not a signing key") }
        guard key.state == .active else { throw refusal("key: is \(key.state.rawValue), not active") }
        let parsed: SigningInput
        do {
            parsed = try SigningInput(parsing: input)
        } catch {
            throw refusal("input: is not a JWS signing input")
        }
        let kind = try checkHeader(parsed.header, key: key, profile: profile)
        try checkKind(kind, parsed.claims)
        try checkClaims(parsed.claims, profile: profile, now: now)
        try checkSubject(kind, parsed.claims, entry)
        try checkClient(kind, parsed.claims, entry)
        try checkEntry(entry, against: parsed.claims, input: input, key: key)
        guard entry.tokenKind == nil || entry.tokenKind == kind.rawValue else {
            throw refusal("entry.token_kind: is not the token's")
        }
    }

    /// Refuses what only the core writes: a person's name, and how many denials an entry stands for.
    static func checkAuthor(_ entry: Entry) throws(CoreError) {
        guard entry.operator == nil else { throw refusal("entry.operator: is not the front's to name") }
        guard entry.count == nil, entry.first == nil, entry.last == nil else {
            throw refusal("entry.count, first or last: are not the front's to write")
        }
    }

    static func refusal(_ reason: String) -> CoreError { CoreError(.refused, reason) }

    private static func checkHeader(
        _ header: JSONObject, key: ManifestKey, profile: ManifestKey.Gate
    ) throws(CoreError) -> TokenKind {
        if let name = header.firstName(notIn: headerMembers) {
            throw refusal("header: \(shown(name)) is not allowed")
        }
        guard header["alg"] == .string(key.algorithm) else { throw refusal("header.alg: is not the key's") }
        guard header["kid"] == .string(key.kid) else { throw refusal("header.kid: is not the key's") }
        guard let type = header["typ"]?.string, profile.types.contains(type) else {
            throw refusal("header.typ: is not in the key's profile")
        }
        return try kind(type)
    }

    private static func checkClaims(
        _ claims: JSONObject, profile: ManifestKey.Gate, now: UnixTime
    ) throws(CoreError) {
        guard claims["iss"] == .string(profile.issuer) else { throw refusal("claims.iss: is not the profile's") }
        guard let audience = claims["aud"]?.string, !audience.isEmpty else {
            throw refusal("claims.aud: must be one string")
        }
        guard let issuedAt = claims["iat"]?.integer, let expiry = claims["exp"]?.integer else {
            throw refusal("claims: iat and exp must be integers")
        }
        guard (now.seconds - maximumAge...now.seconds + maximumLead).contains(issuedAt) else {
            throw refusal("claims.iat: is not now by the core's clock")
        }
        // Subtraction could overflow on hostile values; iat is near now, so the sum cannot.
        guard expiry > issuedAt, expiry <= issuedAt + profile.maximumLifetime else {
            throw refusal("claims.exp: is outside the profile's life")
        }
        if let notBefore = claims["nbf"] {
            guard notBefore.integer == issuedAt else { throw refusal("claims.nbf: is not iat") }
        }
    }

    private static func checkEntry(
        _ entry: Entry, against claims: JSONObject, input: [UInt8], key: ManifestKey
    ) throws(CoreError) {
        guard entry.kind == .mint else { throw refusal("entry.kind: must be mint") }
        try checkAuthor(entry)
        guard let jti = claims["jti"]?.string, (16...128).contains(jti.utf8.count), entry.jti == jti else {
            throw refusal("entry.jti: is not the token's")
        }
        guard entry.exp == claims["exp"]?.integer else { throw refusal("entry.exp: is not the token's") }
        guard entry.iat == nil || entry.iat == claims["iat"]?.integer else {
            throw refusal("entry.iat: is not the token's")
        }
        guard entry.kid == key.kid else { throw refusal("entry.kid: is not the key's") }
        guard entry.inputSHA256 == Base64URL.string(SHA256.hash(data: input).map { $0 }) else {
            throw refusal("entry.input_sha256: is not the input's")
        }
        guard entry.grantedScope.map({ .string($0) }) == claims["scope"] else {
            throw refusal("entry.granted_scope: is not the token's")
        }
        guard entry.audience == claims["aud"]?.string else { throw refusal("entry.audience: is not the token's") }
        guard entry.txn.map({ .string($0) }) == claims["txn"] else { throw refusal("entry.txn: is not the token's") }
        try checkPeer(entry, against: claims["cnf"])
        try checkDetails(entry, against: claims)
        try checkActors(entry.actors ?? [], against: claims["act"])
        if let mayAct = claims["may_act"] { try check(mayAct: mayAct, among: entry.actors ?? []) }
    }

    /// A token that is bound to a certificate (RFC 8705 section 3.1) is bound to the one that asked for it.
    private static func checkPeer(_ entry: Entry, against confirmation: JSONValue?) throws(CoreError) {
        guard let thumbprint = confirmation?.object?["x5t#S256"] else { return }
        guard let digest = thumbprint.string.flatMap({ Base64URL.decode($0) }), entry.peer == Hexadecimal.string(digest)
        else { throw refusal("entry.peer: is not the certificate that the token is bound to") }
    }

    /// Whoever may act with a token later is one of those who act now, named in full (RFC 8693 section 4.4).
    private static func check(mayAct: JSONValue, among actors: [Entry.Party]) throws(CoreError) {
        let isAmong = actors.contains { actor in
            guard let issuer = actor.iss, let object = mayAct.object, object.members.count == 2 else { return false }
            return object["iss"] == .string(issuer) && object["sub"] == .string(actor.sub)
        }
        guard isAmong else { throw refusal("claims.may_act: is none of the entry's actors") }
    }

    /// `act` nests: the outermost is the current actor, the inner ones are those it acts through (RFC 8693 section 4.1).
    private static func checkActors(_ actors: [Entry.Party], against act: JSONValue?) throws(CoreError) {
        var current = act
        for actor in actors {
            guard let object = current?.object, object.firstName(notIn: ["iss", "sub", "act"]) == nil,
                object["sub"] == .string(actor.sub), object["iss"] == actor.iss.map({ .string($0) })
            else { throw refusal("entry.actors: are not the token's") }
            current = object["act"]
        }
        guard current == nil else { throw refusal("entry.actors: are not the token's") }
    }

    /// A name from the input may be shown only if it is a plain one.
    static func shown(_ name: String) -> String {
        let isPlain = name.utf8.count <= 32 && name.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        return isPlain ? name : "a member"
    }
}
