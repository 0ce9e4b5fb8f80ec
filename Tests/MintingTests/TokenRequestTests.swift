import Minting
import StrictEncoding
import Testing

@Suite struct TokenRequestTests {
    private static let jwt = "urn:ietf:params:oauth:token-type:jwt"
    private static let accessToken = "urn:ietf:params:oauth:token-type:access_token"
    private static let details =
        #"[{"type":"tool_invocation","tool":"crm.read","actions":["read"],"locations":["https://a.example/x"],"identifier":"7"}]"#

    /// The smallest request there is; each pair replaces a parameter, adds one, or with nil leaves one out.
    private static func body(_ changes: [(String, String?)] = []) -> [UInt8] {
        var parameters: [(String, String)] = [
            ("grant_type", TokenRequest.GrantType.exchange.rawValue), ("subject_token", "a.b.c"),
            ("subject_token_type", jwt),
        ]
        for (name, value) in changes {
            if let index = parameters.firstIndex(where: { $0.0 == name }) {
                if let value { parameters[index].1 = value } else { parameters.remove(at: index) }
            } else if let value {
                parameters.append((name, value))
            }
        }
        return encode(parameters)
    }

    private static func encode(_ parameters: [(String, String)]) -> [UInt8] {
        func escape(_ text: String) -> String {
            text.utf8.map { byte in
                let isPlain = (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == 0x5F
                let hex = String(byte, radix: 16)
                return isPlain ? String(Unicode.Scalar(byte)) : "%" + (hex.count == 1 ? "0" : "") + hex
            }.joined()
        }
        return Array(parameters.map { "\(escape($0.0))=\(escape($0.1))" }.joined(separator: "&").utf8)
    }

    private func error(_ body: [UInt8]) -> OAuthError? {
        do {
            _ = try TokenRequest(parsing: body)
            return nil
        } catch {
            return error
        }
    }

    @Test func theSmallestRequestIsRead() throws {
        let request = try TokenRequest(parsing: Self.body())
        let (tokens, access) = (try #require(exchange(request)), request.access)
        #expect(tokens.subjectToken == Array("a.b.c".utf8) && tokens.subjectTokenType == .jwt)
        #expect(tokens.actorToken == nil && tokens.actorTokenType == nil && access.scope == nil)
        #expect(access.audiences.isEmpty && access.resources.isEmpty && access.authorizationDetails == nil)
        #expect(access.requestedTokenType == nil && access.receipt == nil && request.clientID == nil)
        #expect(access.expiresIn == nil)
    }

    @Test func aFullRequestIsRead() throws {
        var body = Self.body([
            ("actor_token", "d.e.f"), ("actor_token_type", Self.jwt), ("scope", "a:read b"),
            ("authorization_details", Self.details), ("requested_token_type", Self.accessToken), ("client_id", "gw"),
            ("receipt", "trust.example"), ("expires_in", "45"), ("unknown", "x"),
        ])
        body +=
            Array("&".utf8)
            + Self.encode([
                ("audience", "demo"), ("audience", "https://a.example"), ("resource", "https://a.example/x"),
                ("resource", "urn:example:b"),
            ])
        let request = try TokenRequest(parsing: body)
        let (tokens, access) = (try #require(exchange(request)), request.access)
        #expect(tokens.actorToken == Array("d.e.f".utf8) && tokens.actorTokenType == .jwt)
        #expect(access.scope == ["a:read", "b"] && request.clientID == "gw")
        #expect(access.audiences == ["demo", "https://a.example"])
        #expect(access.resources == ["https://a.example/x", "urn:example:b"])
        #expect(access.requestedTokenType == .accessToken && access.receipt == "trust.example")
        #expect(access.authorizationDetails?.tool == "crm.read" && access.expiresIn == 45)
    }

    private func exchange(_ request: TokenRequest) -> TokenExchangeRequest? {
        guard case .exchange(let tokens) = request.grant else { return nil }
        return tokens
    }

    @Test func theOtherGrantsAreRead() throws {
        let assertion = try TokenRequest(
            parsing: Self.encode([("grant_type", TokenRequest.GrantType.assertion.rawValue), ("assertion", "a.b.c")]))
        guard case .assertion(let token) = assertion.grant else { return #expect(Bool(false), "is another grant") }
        #expect(token == Array("a.b.c".utf8))
        let own = try TokenRequest(
            parsing: Self.encode([("grant_type", "client_credentials"), ("audience", "demo"), ("scope", "a")]))
        guard case .clientCredentials = own.grant else { return #expect(Bool(false), "is another grant") }
        #expect(own.access.audiences == ["demo"] && own.access.scope == ["a"])
    }

    @Test(
        "a parameter of one grant is refused in another",
        arguments: [
            ("client_credentials", "subject_token"), ("client_credentials", "actor_token"),
            ("client_credentials", "assertion"), ("urn:ietf:params:oauth:grant-type:jwt-bearer", "subject_token"),
            ("urn:ietf:params:oauth:grant-type:jwt-bearer", "actor_token_type"),
        ])
    func foreignParameter(grant: String, parameter: String) {
        let found = error(Self.encode([("grant_type", grant), ("assertion", "x"), (parameter, "x")]))
        #expect(found?.code == .invalidRequest)
    }

    @Test func anAssertionGrantNeedsItsAssertion() {
        let found = error(Self.encode([("grant_type", TokenRequest.GrantType.assertion.rawValue)]))
        #expect(found?.code == .invalidRequest && found?.description == "assertion is missing")
    }

    static let faults: [([(String, String?)], OAuthError.Code, String)] = [
        ([("grant_type", nil)], .invalidRequest, "grant_type is missing"),
        ([("grant_type", "")], .invalidRequest, "grant_type is empty"),
        ([("grant_type", "client_credentials")], .invalidRequest, "does not belong"),
        ([("grant_type", "password")], .unsupportedGrantType, "grant_type"),
        ([("grant_type", TokenRequest.GrantType.exchange.rawValue + " ")], .unsupportedGrantType, "grant_type"),
        ([("grant_type", TokenRequest.GrantType.exchange.rawValue.uppercased())], .unsupportedGrantType, "grant_type"),
        ([("subject_token", nil)], .invalidRequest, "subject_token is missing"),
        ([("subject_token", "")], .invalidRequest, "subject_token is empty"),
        ([("subject_token_type", nil)], .invalidRequest, "subject_token_type is missing"),
        ([("subject_token_type", "")], .invalidRequest, "subject_token_type is empty"),
        ([("subject_token_type", "jwt")], .invalidRequest, "subject_token_type is not supported"),
        (
            [("subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token")], .invalidRequest,
            "subject_token_type is not supported"
        ),
        ([("actor_token", "d.e.f")], .invalidRequest, "actor_token_type is missing"),
        ([("actor_token", "d.e.f"), ("actor_token_type", "")], .invalidRequest, "actor_token_type is empty"),
        ([("actor_token", ""), ("actor_token_type", jwt)], .invalidRequest, "actor_token is empty"),
        ([("actor_token_type", jwt)], .invalidRequest, "actor_token_type stands without actor_token"),
        ([("actor_token", "d.e.f"), ("actor_token_type", "x")], .invalidRequest, "actor_token_type is not supported"),
        ([("requested_token_type", "")], .invalidRequest, "requested_token_type is empty"),
        ([("subject_token_type", "urn:ietf:params:oauth:token-type:txn_token")], .invalidRequest, "not supported"),
        ([("subject_token_type", "urn:ietf:params:oauth:token-type:id-jag")], .invalidRequest, "not supported"),
        ([("receipt", "")], .invalidRequest, "receipt is empty"), ([("receipt", "a b")], .invalidTarget, "receipt"),
        (
            [("requested_token_type", "urn:ietf:params:oauth:token-type:saml2")], .invalidRequest,
            "requested_token_type is not supported"
        ),
        ([("audience", "")], .invalidRequest, "audience is empty"),
        ([("audience", "a b")], .invalidTarget, "audience"), ([("audience", "\u{212A}")], .invalidTarget, "audience"),
        ([("audience", String(repeating: "a", count: 513))], .invalidTarget, "audience"),
        ([("resource", "")], .invalidRequest, "resource is empty"),
        ([("resource", "a.example/x")], .invalidTarget, "resource"),
        ([("scope", "")], .invalidRequest, "scope is empty"), ([("scope", " ")], .invalidScope, "scope"),
        ([("scope", "a  b")], .invalidScope, "scope"), ([("scope", " a")], .invalidScope, "scope"),
        ([("scope", "a ")], .invalidScope, "scope"), ([("scope", "a\"b")], .invalidScope, "scope"),
        ([("scope", "a\\b")], .invalidScope, "scope"), ([("scope", "ä")], .invalidScope, "scope"),
        ([("scope", "a b a")], .invalidScope, "twice"),
        ([("scope", (0...64).map { "s\($0)" }.joined(separator: " "))], .invalidScope, "too many"),
        ([("scope", String(repeating: "s", count: 2049))], .invalidScope, "too long"),
        ([("authorization_details", "")], .invalidRequest, "authorization_details is empty"),
        ([("authorization_details", "{}")], .invalidAuthorizationDetails, "authorization_details"),
        ([("expires_in", "")], .invalidRequest, "expires_in is empty"),
        ([("expires_in", "0")], .invalidRequest, "expires_in"), ([("expires_in", "-1")], .invalidRequest, "expires_in"),
        ([("expires_in", "+1")], .invalidRequest, "expires_in"),
        ([("expires_in", "1.0")], .invalidRequest, "expires_in"),
        ([("expires_in", "1e3")], .invalidRequest, "expires_in"),
        ([("expires_in", "030")], .invalidRequest, "expires_in"),
        ([("expires_in", " 30")], .invalidRequest, "expires_in"),
        ([("expires_in", "30s")], .invalidRequest, "expires_in"),
        ([("expires_in", "\u{0663}0")], .invalidRequest, "expires_in"),
        ([("client_id", "")], .invalidRequest, "client_id is empty"),
        ([("client_id", "a b")], .invalidRequest, "client_id"),
        ([("refresh_token", "x")], .invalidRequest, "refresh_token"), ([("code", "x")], .invalidRequest, "code"),
        ([("assertion", "x")], .invalidRequest, "assertion"), ([("request", "x")], .invalidRequest, "request"),
    ]

    @Test("a fault has its code and names its parameter", arguments: faults)
    func fault(changes: [(String, String?)], code: OAuthError.Code, text: String) {
        let found = error(Self.body(changes))
        #expect(found?.code == code)
        #expect(found?.description.contains(text) == true, "\(found?.description ?? "accepted")")
    }

    @Test(
        "every parameter but audience and resource may stand once",
        arguments: [
            "grant_type", "subject_token", "subject_token_type", "actor_token", "actor_token_type", "scope",
            "authorization_details", "requested_token_type", "client_id", "expires_in",
        ])
    func repeated(name: String) {
        let full = Self.body([
            ("actor_token", "d.e.f"), ("actor_token_type", Self.jwt), ("scope", "a"), ("client_id", "gw"),
            ("authorization_details", Self.details), ("requested_token_type", Self.jwt),
            ("expires_in", "30"),
        ])
        #expect(error(full) == nil)
        let found = error(full + Array("&\(name)=x".utf8))
        #expect(found?.code == .invalidRequest && found?.description == "\(name) is repeated")
    }

    @Test func anUnknownParameterMayNotStandTwiceAndIsNotNamed() {
        let found = error(Self.body() + Array("&odd=1&odd=2".utf8))
        #expect(found?.code == .invalidRequest && found?.description == "a parameter is repeated")
    }

    @Test func nineTargetsAreTooMany() {
        let many = (0..<9).map { "&audience=a\($0)" }.joined()
        #expect(error(Self.body() + Array(many.utf8))?.code == .invalidTarget)
    }

    @Test func anErrorNeverHoldsAValue() {
        let secret = "s3cr3t"
        let bodies: [[(String, String?)]] = [
            [("grant_type", secret)], [("subject_token_type", secret)], [("scope", secret + "  x")],
            [("resource", secret)], [("audience", secret + " ")], [("authorization_details", secret)],
            [("requested_token_type", secret)],
            [("authorization_details", #"[{"type":"\#(secret)"}]"#)],
            [("authorization_details", #"[{"type":"tool_invocation","tool":"x","\#(secret)":1}]"#)],
        ]
        for changes in bodies {
            let found = error(Self.body(changes))
            #expect(found.map { !$0.description.contains(secret) } == true)
        }
    }

    @Test(
        "a resource is an absolute URI in its plain form",
        arguments: [
            ("https://a.example", true), ("https://a.example/", true), ("https://a.example:8443/x/y?q=1&r=%20", true),
            ("https://a.example/x%1F", false), ("urn:example:api", true), ("spiffe://a.example/x", true),
            ("https://a.example/x%20y", true), ("https://a.example/%C3%BC", true), ("a.example", false), ("/x", false),
            ("//a.example/x", false), ("https:", false), ("https://", false), ("https:///x", false),
            ("1https://a.example", false), ("https://a.example/#f", false), ("https://a.example/x#", false),
            ("https://a.example/../x", false), ("https://a.example/x/..", false), ("https://a.example/./x", false),
            ("https://a.example/x/.", false), ("https://a.example//x", false), ("https://a.example/x//", false),
            ("https://a.example/%2e%2e/x", false), ("https://a.example/%2E", false), ("https://a.example/x%2fy", false),
            ("https://a.example/x%2Fy", false), ("https://a.example/x%5Cy", false), ("https://a.example/x%00", false),
            ("https://a.example/x%", false), ("https://a.example/x%4", false), ("https://a.example/x%+4", false),
            ("https://a.example/%252e", false), ("https://a.example\\@evil.example/", false),
            ("https://a.example@evil.example/", false), ("https://u:p@a.example/", false),
            ("https://a%2eexample/", false), ("https://a.example/x y", false), ("https://ä.example", false),
            ("https://a.example/<x>", false), ("https://a.example/x\u{0}", false), ("https://a.example?x", true),
            ("https://a.example/" + String(repeating: "x", count: 2031), false),
            ("https://a.example/" + String(repeating: "x", count: 2030), true),
        ])
    func resources(text: String, accepted: Bool) {
        let found = error(Self.body([("resource", text)]))
        if accepted {
            #expect(found == nil)
        } else {
            // NUL is caught by the form already.
            #expect(found?.code == (text.utf8.contains(0) ? .invalidRequest : .invalidTarget))
        }
    }
}
