import Minting
import StrictEncoding
import Testing

@Suite struct InboundTokenTests {
    private static let now = Corp.now.seconds

    @Test(arguments: [TestKey.es256, .rs256, .edDSA])
    func aGoodTokenIsReadInFull(key: TestKey) throws {
        let claims = ClaimsText([
            "aud": #"["https://other.example","https://vault.acme.example"]"#, "client_id": #""app""#,
            "azp": #""portal""#, "may_act": #"{"sub":"sales-assistant","iss":"https://agents.acme.example"}"#,
            "act": #"{"sub":"a","iss":"https://x.example","act":{"sub":"b"}}"#, "act_for": #""bob""#,
        ])
        let token = try Corp.verifier(Corp.configured(prefix: "corp:"))
            .verify(try key.token(claims), role: .subject, now: Corp.now)
        #expect(token.issuerName == "corp" && token.issuer == Corp.issuer)
        #expect(token.subject == "alice" && token.mappedSubject == "corp:alice")
        #expect(token.audiences == ["https://other.example", "https://vault.acme.example"])
        #expect(token.expiry == Self.now + 300 && token.issuedAt == Self.now && token.jti == "token-1")
        #expect(token.groups == ["sales"] && token.user == "bob")
        #expect(token.clientID == "app" && token.authorizedParty == "portal")
        #expect(token.mayAct == .init(issuer: "https://agents.acme.example", subject: "sales-assistant"))
        #expect(token.actors == [.init(issuer: "https://x.example", subject: "a"), .init(issuer: nil, subject: "b")])
        #expect(token.claims["client_id"] == "app")
    }

    @Test func whatATokenDoesNotSayIsAbsent() throws {
        let claims = ClaimsText(["iat": nil, "nbf": nil, "jti": nil, "groups": nil])
        let token = try Corp.verifier().verify(try TestKey.es256.token(claims), role: .subject, now: Corp.now)
        #expect(token.issuedAt == nil && token.jti == nil && token.groups == nil && token.mayAct == nil)
        #expect(token.actors.isEmpty && token.clientID == nil && token.authorizedParty == nil && token.user == nil)
        #expect(token.mappedSubject == "alice")
    }

    @Test func groupsAndUserAreReadOnlyWhereConfigured() throws {
        let issuer = try Corp.configured(claims: .init())
        let token = try TestKey.es256.token(ClaimsText(["groups": "7", "act_for": "7"]))
        let verified = try Corp.verifier(issuer).verify(token, role: .subject, now: Corp.now)
        #expect(verified.groups == nil && verified.user == nil)
    }

    static let claims: [(name: String, json: String?, TokenRejection.Code?)] = [
        ("iss", nil, .missingClaim("iss")), ("iss", "1", .badClaim("iss")), ("iss", #""""#, .unknownIssuer),
        ("iss", #""https://evil.example""#, .unknownIssuer), ("iss", #""https://idp.acme.example/""#, .unknownIssuer),
        ("iss", #""HTTPS://idp.acme.example""#, .unknownIssuer),
        ("iss", #"["https://idp.acme.example"]"#, .badClaim("iss")),
        // U+FF0E FULLWIDTH FULL STOP and U+0000 never fold into what is configured.
        ("iss", #""https://idp\uff0eacme.example""#, .unknownIssuer),
        ("sub", nil, .missingClaim("sub")), ("sub", #""""#, .badClaim("sub")), ("sub", "null", .badClaim("sub")),
        ("sub", "7", .badClaim("sub")), ("sub", #"["alice"]"#, .badClaim("sub")),
        ("sub", #""al ice""#, .badClaim("sub")),
        ("sub", #""alice\n""#, .badClaim("sub")), ("sub", #""\u212aim""#, .badClaim("sub")),
        ("sub", #""\u0430lice""#, .badClaim("sub")), ("sub", "\"\(String(repeating: "s", count: 256))\"", nil),
        ("sub", "\"\(String(repeating: "s", count: 257))\"", .badClaim("sub")), ("sub", #""a@b.example""#, nil),
        ("aud", nil, .missingClaim("aud")), ("aud", #""""#, .badClaim("aud")), ("aud", "[]", .badClaim("aud")),
        ("aud", "7", .badClaim("aud")), ("aud", "null", .badClaim("aud")),
        ("aud", #"{"0":"https://vault.acme.example"}"#, .badClaim("aud")),
        ("aud", #"["https://vault.acme.example",7]"#, .badClaim("aud")),
        ("aud", #"[["https://vault.acme.example"]]"#, .badClaim("aud")),
        ("aud", #"["https://vault.acme.example",""]"#, .badClaim("aud")),
        ("aud", #""https://other.example""#, .wrongAudience),
        ("aud", #"["a","b"]"#, .wrongAudience), ("aud", #""https://vault.acme.example/""#, .wrongAudience),
        ("aud", #""https://vault.acme.example.evil.example""#, .wrongAudience),
        ("aud", #""https://vault.acme.example https://x""#, .badClaim("aud")),
        ("aud", #"["https://vault.acme.example"]"#, nil), ("aud", #""https://vault.acme.example/oauth2/token""#, nil),
        ("aud", #"["x","https://vault.acme.example"]"#, nil),
        (
            "aud", "[" + [String](repeating: #""https://vault.acme.example""#, count: 65).joined(separator: ",") + "]",
            .badClaim("aud")
        ),
        ("exp", nil, .missingClaim("exp")), ("exp", "null", .badClaim("exp")),
        ("exp", #""1764000300""#, .badClaim("exp")),
        ("exp", "1764000300.5", .badClaim("exp")), ("exp", "-1", .badClaim("exp")), ("exp", "true", .badClaim("exp")),
        ("exp", "9007199254740993", .badClaim("exp")), ("exp", "9223372036854775807", .badClaim("exp")),
        ("exp", "1e19", .badClaim("exp")), ("exp", "0", .expired), ("exp", "[1764000300]", .badClaim("exp")),
        ("exp", "9007199254740991", nil), ("exp", "1764000300.0", nil), ("exp", "1.7640003e9", nil),
        ("nbf", #""0""#, .badClaim("nbf")), ("nbf", "0.5", .badClaim("nbf")), ("nbf", "-1", .badClaim("nbf")),
        ("nbf", nil, nil), ("nbf", "0", nil),
        ("iat", #""0""#, .badClaim("iat")), ("iat", "0.5", .badClaim("iat")), ("iat", "-1", .badClaim("iat")),
        ("iat", nil, nil), ("iat", "0", nil),
        ("jti", "7", .badClaim("jti")), ("jti", #""""#, .badClaim("jti")), ("jti", #""a b""#, .badClaim("jti")),
        ("jti", "\"\(String(repeating: "j", count: 257))\"", .badClaim("jti")), ("jti", nil, nil),
        ("client_id", "7", .badClaim("client_id")), ("azp", #""\u00e9""#, .badClaim("azp")),
        ("act_for", #""\u212a""#, .badClaim("act_for")), ("act_for", "7", .badClaim("act_for")),
        ("groups", #""sales""#, .badClaim("groups")), ("groups", #"["sales",7]"#, .badClaim("groups")),
        ("groups", #"{"sales":true}"#, .badClaim("groups")), ("groups", "null", .badClaim("groups")),
        ("groups", "[" + (0...1024).map { "\"g\($0)\"" }.joined(separator: ",") + "]", .badClaim("groups")),
        ("groups", "[]", nil),
        ("may_act", "7", .badClaim("may_act")), ("may_act", "{}", .badClaim("may_act")),
        ("may_act", #"{"iss":"https://a.example"}"#, .badClaim("may_act")),
        ("may_act", #"{"sub":7}"#, .badClaim("may_act")),
        ("may_act", #"{"sub":"\u212a"}"#, .badClaim("may_act")),
        ("may_act", #"{"sub":"a","client_id":"only-this-one"}"#, .badClaim("may_act")),
        ("may_act", #"{"sub":"a"}"#, nil),
        ("act", "7", .badClaim("act")), ("act", "{}", .badClaim("act")),
        ("act", #"{"sub":"a","act":[]}"#, .badClaim("act")),
        ("act", nested(actors: 9), .badClaim("act")), ("act", nested(actors: 8), nil),
    ]

    private static func nested(actors: Int) -> String {
        (1..<actors).reduce(#"{"sub":"a"}"#) { inner, _ in #"{"sub":"a","act":\#(inner)}"# }
    }

    @Test("a claim is accepted in its one form alone", arguments: claims)
    func claimForms(name: String, json: String?, expected: TokenRejection.Code?) throws {
        let token = try TestKey.edDSA.token(ClaimsText([name: json]))
        #expect(try Corp.verifier().rejection(of: token) == expected)
    }

    @Test func groupsThatPolicyCannotNameArePassedOver() throws {
        let claims = ClaimsText(["groups": #"["sales","Vertrieb Süd","Sales EMEA","","\u212a"," x","a\tb"]"#])
        let token = try Corp.verifier().verify(try TestKey.es256.token(claims), role: .subject, now: Corp.now)
        #expect(token.groups == ["sales", "Sales EMEA"])
    }

    /// Claim, its distance from now, and what a clock skew of 30 s makes of it.
    @Test(
        "times are judged with the configured skew",
        arguments: [
            ("exp", 1, nil), ("exp", 0, nil), ("exp", -29, nil), ("exp", -30, .expired), ("exp", -31, .expired),
            ("nbf", 30, nil), ("nbf", 31, .notYetValid), ("iat", 30, nil), ("iat", 31, .issuedInFuture),
        ] as [(String, Int64, TokenRejection.Code?)])
    func times(claim: String, distance: Int64, expected: TokenRejection.Code?) throws {
        let token = try TestKey.es256.token(ClaimsText([claim: "\(Self.now + distance)"]))
        #expect(try Corp.verifier().rejection(of: token) == expected)
        // The second has begun, however little of it has passed.
        #expect(
            try Corp.verifier().rejection(of: token, now: UnixTime(milliseconds: Self.now * 1000 + 999)) == expected)
    }

    @Test func withoutSkewATokenIsDeadFromItsVeryExpOn() throws {
        let verifier = try Corp.verifier(Corp.configured(clockSkew: 0))
        let token = try TestKey.es256.token(ClaimsText(["exp": "\(Self.now + 1)"]))
        #expect(verifier.rejection(of: token, now: UnixTime(milliseconds: Self.now * 1000 + 999)) == nil)
        #expect(verifier.rejection(of: token, now: UnixTime(seconds: Self.now + 1)) == .expired)
    }

    @Test(
        "a token is too old by its iat, with the skew on top",
        arguments: [(0, nil), (3600, nil), (3630, nil), (3631, .tooOld)] as [(Int64, TokenRejection.Code?)])
    func age(age: Int64, expected: TokenRejection.Code?) throws {
        let verifier = try Corp.verifier(Corp.configured(maximumAge: 3600))
        let token = try TestKey.es256.token(ClaimsText(["iat": "\(Self.now - age)"]))
        #expect(verifier.rejection(of: token) == expected)
    }

    @Test func theAgeOfSubjectTokensDoesNotLimitThatOfActors() throws {
        let verifier = try Corp.verifier(Corp.configured(maximumAge: 3600))
        for iat in ["\(Self.now - 3631)", nil] {
            let token = try TestKey.es256.token(ClaimsText(["iat": iat]))
            #expect(verifier.rejection(of: token, role: .actor) == nil)
            #expect(verifier.rejection(of: token) == (iat == nil ? .missingClaim("iat") : .tooOld))
        }
    }

    @Test func whereAgeIsLimitedIatMustBeThere() throws {
        let verifier = try Corp.verifier(Corp.configured(maximumAge: 3600))
        #expect(try verifier.rejection(of: TestKey.es256.token(ClaimsText(["iat": nil]))) == .missingClaim("iat"))
    }

    @Test(
        "typ separates tokens of different purposes",
        arguments: [
            (nil, nil), ("JWT", nil), ("jwt", nil), ("at+jwt", nil), ("AT+JWT", nil), ("application/at+jwt", nil),
            ("Application/JWT", nil), ("txntoken+jwt", .wrongType), ("oauth-id-jag+jwt", .wrongType),
            ("dpop+jwt", .wrongType), ("client-authentication+jwt", .wrongType), ("secevent+jwt", .wrongType),
            ("logout+jwt", .wrongType), ("token-introspection+jwt", .wrongType), ("statuslist+jwt", .wrongType),
            ("JOSE", .wrongType), ("application/application/jwt", .wrongType), ("jwt ", .badHeader("typ")),
            ("", .badHeader("typ")), ("\u{212A}wt", .badHeader("typ")),
        ] as [(String?, TokenRejection.Code?)])
    func types(type: String?, expected: TokenRejection.Code?) throws {
        let token = try TestKey.es256.token(ClaimsText(), type: type)
        #expect(try Corp.verifier().rejection(of: token) == expected)
        #expect(try Corp.verifier().rejection(of: token, role: .actor) == expected)
    }

    @Test("what happened is no credential, whatever its type", arguments: [nil, "JWT", "at+jwt"] as [String?])
    func events(type: String?) throws {
        // A logout token may lack its type (OpenID Connect Back-Channel Logout 1.0 section 2.4).
        let logout = #"{"http://schemas.openid.net/event/backchannel-logout":{}}"#
        let token = try TestKey.es256.token(ClaimsText(["events": logout]), type: type)
        for role in [Issuer.Role.subject, .actor] {
            #expect(try Corp.verifier().rejection(of: token, role: role) == .wrongType)
        }
    }

    @Test(
        "a client assertion has its own type",
        arguments: [
            (nil, nil), ("JWT", nil), ("client-authentication+jwt", nil), ("at+jwt", .wrongType),
            ("dpop+jwt", .wrongType),
        ] as [(String?, TokenRejection.Code?)])
    func clientTypes(type: String?, expected: TokenRejection.Code?) throws {
        let verifier = try Corp.verifier(Corp.configured(roles: [.client]))
        #expect(try verifier.rejection(of: TestKey.es256.token(ClaimsText(), type: type), role: .client) == expected)
    }

    @Test(arguments: Issuer.Role.allCases, Issuer.Role.allCases)
    func anIssuerIsTrustedInItsOwnRolesAlone(configured: Issuer.Role, presented: Issuer.Role) throws {
        let verifier = try Corp.verifier(Corp.configured(roles: [configured]))
        // An identity assertion must say that it is one; every other token may say nothing.
        let type = presented == .partner ? "oauth-id-jag+jwt" : "JWT"
        let token = try TestKey.es256.token(ClaimsText(), type: type)
        let rejection = verifier.rejection(of: token, role: presented)
        #expect(rejection == (configured == presented ? nil : .issuerNotInRole))
    }

    @Test func headerMembersThatMeanNothingToUsAreIgnored() throws {
        let header = #"{"alg":"ES256","kid":"es256","x5t":"AAAA","x5t#S256":"AAAA","ver":"2","typ":"JWT"}"#
        #expect(
            try Corp.verifier().rejection(of: TestKey.es256.token(header: header, claims: ClaimsText().text)) == nil)
    }

    @Test func theFullySpecifiedNameOfEd25519IsUnderstood() throws {
        let header = #"{"alg":"Ed25519","kid":"edDSA"}"#
        let token = try TestKey.edDSA.token(header: header, claims: ClaimsText().text)
        #expect(try Corp.verifier().rejection(of: token) == nil)
        #expect(
            try Corp.verifier().rejection(
                of: TestKey.es256.token(header: #"{"alg":"Ed25519","kid":"es256"}"#, claims: ClaimsText().text))
                == .algorithmMismatch)
    }

    @Test func aKeyOfOneIssuerDoesNotVerifyTokensOfAnother() throws {
        let corp = try Corp.configured(keys: try Corp.keys([.es256]))
        let other = try Corp.configured(
            name: "other", issuer: "https://other.example", keys: try Corp.keys([.edDSA]), prefix: "o:")
        let verifier = InboundTokenVerifier(issuers: try IssuerSet([corp, other]))
        let claims = ClaimsText(["iss": #""https://other.example""#])
        #expect(try verifier.rejection(of: TestKey.edDSA.token(claims)) == nil)
        #expect(try verifier.rejection(of: TestKey.es256.token(claims)) == .unknownKey)
        #expect(try verifier.rejection(of: TestKey.edDSA.token(ClaimsText())) == .unknownKey)
    }

    @Test func anIssuerWithoutPrefixCannotNameAnothersUsers() throws {
        let corp = try Corp.configured()
        let other = try Corp.configured(name: "other", issuer: "https://other.example", prefix: "other:")
        let verifier = InboundTokenVerifier(issuers: try IssuerSet([corp, other]))
        let token = try TestKey.es256.token(ClaimsText(["sub": #""other:root""#]))
        #expect(verifier.rejection(of: token) == .badClaim("sub"))
        let own = try TestKey.es256.token(
            ClaimsText(["iss": #""https://other.example""#, "sub": #""other:root""#]))
        #expect(try verifier.verify(own, role: .subject, now: Corp.now).mappedSubject == "other:other:root")
    }
}
