import AuditLog
import CoreProtocol
import Custody
import StrictEncoding
import Testing
import VaultCore

/// What the gate lets each kind of token hold.
@Suite struct GateKindTests {
    private static let types = ["at+jwt", "txntoken+jwt", "oauth-id-jag+jwt", "JWT"]

    /// A token of a kind inside its profile, with an entry that says the same.
    private static func draft(_ type: String, _ changes: [(String, JSONValue?)] = []) -> GateCase {
        var token = GateCase()
        token.key.gate?.types = types
        token.key.gate?.maximumLifetime = 900
        token.header["typ"] = .string(type)
        switch type {
        case "txntoken+jwt":
            token.claims["authorization_details"] = nil
            token.claims["tctx"] = ["authorization_details": GateCase.details]
            token.claims["client_id"] = nil
            token.claims["txn"] = "t"
            token.claims["req_wl"] = "gateway"
            token.change = { $0.client = "gateway" }
        case "oauth-id-jag+jwt":
            token.claims["client_id"] = "theirs"
            token.change = { $0.client = "gateway" }
        case "JWT":
            token.claims["sub"] = "acme:alice"
            token.claims["scope"] = nil
            token.claims["authorization_details"] = nil
            token.claims["sub_id"] = ["format": "iss_sub", "iss": "https://idp.example", "sub": "alice"]
            token.change = {
                $0.user?.sub = "alice"
                $0.subject = .init(iss: nil, sub: "acme:alice")
                ($0.tool, $0.actions) = (nil, nil)
            }
        default: break
        }
        for (name, value) in changes { token.claims[name] = value }
        return token
    }

    @Test("a token of each kind inside its profile is signed", arguments: types)
    func accepted(type: String) throws { try Self.draft(type).check() }

    @Test("a kind that the key's profile does not list is refused", arguments: types)
    func unlisted(type: String) {
        var token = Self.draft(type)
        token.key.gate?.types.removeAll { $0 == type }
        refuses(token, "header.typ: is not in the key's profile")
    }

    @Test("a type that is no kind is refused whatever the profile lists", arguments: ["jwt", "logout+jwt", "AT+JWT"])
    func unknown(type: String) {
        var token = Self.draft("at+jwt")
        token.header["typ"] = .string(type)
        token.key.gate?.types.append(type)
        refuses(token, "header.typ: is no kind of token")
    }

    static let foreign: [(type: String, claim: String, value: JSONValue)] = [
        ("at+jwt", "admin", true), ("at+jwt", "req_wl", "gateway"), ("at+jwt", "sub_id", ["format": "iss_sub"]),
        ("at+jwt", "https://aws.amazon.com/tags", [:]), ("txntoken+jwt", "cnf", ["jkt": "x"]),
        ("txntoken+jwt", "client_id", "gateway"), ("txntoken+jwt", "authorization_details", []),
        ("oauth-id-jag+jwt", "cnf", ["x5t#S256": "x"]), ("oauth-id-jag+jwt", "tctx", [:]),
        ("JWT", "cnf", ["x5t#S256": "x"]), ("JWT", "nonce", "n"), ("JWT", "scope", "x"), ("JWT", "azp", "x"),
    ]

    @Test("a claim that the kind does not have is refused", arguments: foreign.indices)
    func foreignClaim(index: Int) {
        let (type, claim, value) = Self.foreign[index]
        refuses(Self.draft(type, [(claim, value)]), "claims: \(claim) is not one of this kind of token")
    }

    @Test(
        "a claim that the kind must have is missed",
        arguments: [
            ("txntoken+jwt", "txn"), ("txntoken+jwt", "scope"), ("txntoken+jwt", "req_wl"),
            ("oauth-id-jag+jwt", "client_id"), ("JWT", "sub_id"), ("JWT", "client_id"), ("at+jwt", "client_id"),
            ("at+jwt", "jti"),
        ])
    func missingClaim(type: String, claim: String) {
        refuses(Self.draft(type, [(claim, nil)]), "claims.\(claim): is missing")
    }

    @Test func anIdentityAssertionLivesFiveMinutesAtMost() throws {
        try Self.draft("oauth-id-jag+jwt", [("exp", .integer(GateCase.now.seconds + 300))]).check()
        refuses(
            Self.draft("oauth-id-jag+jwt", [("exp", .integer(GateCase.now.seconds + 301))]),
            "claims.exp: is outside the kind's life")
        try Self.draft("at+jwt", [("exp", .integer(GateCase.now.seconds + 900))]).check()
    }

    @Test(
        "the entry of a federation token names its user by sub_id",
        arguments: [
            ["format": "iss_sub", "iss": "https://idp.example", "sub": "bob"],
            ["format": "iss_sub", "iss": "https://other.example", "sub": "alice"],
            ["format": "opaque", "iss": "https://idp.example", "sub": "alice"],
            ["format": "iss_sub", "iss": "https://idp.example", "sub": "alice", "more": 1], "alice",
        ] as [JSONValue])
    func otherUser(value: JSONValue) {
        refuses(Self.draft("JWT", [("sub_id", value)]), "entry.user: is not the token's subject")
    }

    @Test(
        "the entry of a federation token says what a cloud takes its bearer for",
        arguments: [nil, .init(iss: nil, sub: "alice"), .init(iss: "https://idp.example", sub: "acme:alice")]
            as [Entry.Party?])
    func otherSubject(subject: Entry.Party?) {
        var token = Self.draft("JWT")
        token.change = {
            $0.user?.sub = "alice"
            $0.subject = subject
            ($0.tool, $0.actions) = (nil, nil)
        }
        refuses(token, "entry.subject: is not the token's subject")
    }

    @Test func theEntryOfATransactionTokenNamesTheCallInItsContext() {
        var token = Self.draft("txntoken+jwt")
        token.change = {
            $0.client = "gateway"
            $0.tool = "crm.delete"
        }
        refuses(token, "entry: tool, actions, locations, identifier or arguments are not the token's")
    }

    @Test func anAccessTokenMayNameTheAgentItIsBoundToAndNoOtherKindDoes() throws {
        let agent: JSONValue = ["iss": "https://agents.example", "sub": "assistant"]
        try Self.draft("at+jwt", [("may_act", agent)]).check()
        for type in Self.types.dropFirst() {
            refuses(Self.draft(type, [("may_act", agent)]), "claims: may_act is not one of this kind of token")
        }
        let others: [JSONValue] = [
            ["iss": "https://agents.example", "sub": "other"], ["iss": "https://other.example", "sub": "assistant"],
            ["sub": "assistant"], ["iss": "https://agents.example", "sub": "assistant", "more": 1], "assistant", [:],
        ]
        for other in others {
            refuses(Self.draft("at+jwt", [("may_act", other)]), "claims.may_act: is none of the entry's actors")
        }
    }

    @Test func theEntryNamesTheRequestingWorkload() {
        refuses(Self.draft("txntoken+jwt", [("req_wl", "other")]), "entry.client: is not the token's")
        var token = Self.draft("oauth-id-jag+jwt")
        token.change = { $0.client = nil }
        refuses(token, "entry.client: is missing")
    }

    private func refuses(_ token: GateCase, _ reason: String, sourceLocation: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: CoreError.self, sourceLocation: sourceLocation) { try token.check() }
        #expect(error?.code == .refused && error?.reason == reason, sourceLocation: sourceLocation)
    }
}
