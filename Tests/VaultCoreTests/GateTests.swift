import AuditLog
import CoreProtocol
import Crypto
import Custody
import StrictEncoding
import Testing
import VaultCore

/// A token inside its key's profile, with the entry that says the same; each test changes one thing.
struct GateCase {
    static let now = UnixTime(seconds: 1_800_000_000)
    static let jwk = JSONObject([
        .init(name: "crv", value: "Ed25519"), .init(name: "kty", value: "OKP"),
        .init(name: "x", value: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
    ])

    var key = ManifestKey(
        kid: ManifestKey.thumbprint(of: jwk), label: "sign", id: "01", token: "serial", algorithm: "EdDSA",
        purpose: .signing, state: .active, provenance: .generated, jwk: jwk, evidence: [:],
        gate: .init(issuer: "https://vault.example", types: ["at+jwt"], maximumLifetime: 300))
    var header = JSONObject([
        .init(name: "alg", value: "EdDSA"), .init(name: "kid", value: .string(ManifestKey.thumbprint(of: jwk))),
        .init(name: "typ", value: "at+jwt"),
    ])
    var claims = JSONObject([
        .init(name: "iss", value: "https://vault.example"), .init(name: "aud", value: "https://api.example"),
        .init(name: "sub", value: "alice"), .init(name: "client_id", value: "gateway"),
        .init(name: "iat", value: .integer(now.seconds)), .init(name: "nbf", value: .integer(now.seconds)),
        .init(name: "exp", value: .integer(now.seconds + 60)), .init(name: "jti", value: "0123456789abcdef"),
        .init(name: "scope", value: "accounts:read"),
        .init(name: "act", value: ["iss": "https://agents.example", "sub": "assistant"]),
        .init(name: "authorization_details", value: details), .init(name: "txn", value: "t"),
    ])
    static let details: JSONValue = [["type": "tool_invocation", "tool": "crm.read", "actions": ["read"]]]
    /// Changes the entry after it was made to agree with the claims.
    var change: (inout Entry) -> Void = { _ in }
    var input: [UInt8]?

    func check() throws(CoreError) {
        let bytes =
            input ?? Base64URL.encode(JSONWriter.compact(.object(header))) + [UInt8(ascii: ".")]
            + Base64URL.encode(JSONWriter.compact(.object(claims)))
        var entry = Entry(kind: .mint)
        entry.jti = claims["jti"]?.string
        entry.user = .init(iss: "https://idp.example", sub: claims["sub"]?.string ?? "")
        entry.client = claims["client_id"]?.string
        entry.audience = claims["aud"]?.string
        entry.tool = "crm.read"
        entry.actions = ["read"]
        entry.exp = claims["exp"]?.integer
        entry.kid = key.kid
        entry.grantedScope = claims["scope"]?.string
        entry.txn = claims["txn"]?.string
        entry.actors = [.init(iss: "https://agents.example", sub: "assistant")]
        entry.inputSHA256 = Base64URL.string(Array(SHA256.hash(data: bytes)))
        change(&entry)
        try Gate.check(input: bytes, entry: entry, key: key, now: Self.now)
    }
}

@Suite struct GateTests {
    @Test func aTokenInsideItsKeysProfileIsSigned() throws {
        try GateCase().check()
    }

    @Test(
        "a header outside the profile is refused",
        arguments: [
            ("alg", "ES256"), ("alg", "none"), ("alg", nil), ("kid", "other"), ("kid", nil), ("typ", "JWT"),
            ("typ", nil), ("typ", "AT+JWT"), ("crit", ["exp"]), ("jwk", [:]), ("cty", "JWT"), ("b64", false),
        ] as [(String, JSONValue?)])
    func header(name: String, value: JSONValue?) {
        var token = GateCase()
        token.header[name] = value
        refuses(token)
    }

    @Test(
        "claims outside the profile are refused",
        arguments: [
            ("iss", "https://other.example"), ("iss", nil), ("aud", nil), ("aud", ["https://api.example"]), ("aud", ""),
            ("iat", .integer(GateCase.now.seconds - 11)), ("iat", .integer(GateCase.now.seconds + 2)), ("iat", nil),
            ("iat", .number(1.5)), ("exp", .integer(GateCase.now.seconds + 301)),
            ("exp", .integer(GateCase.now.seconds)),
            ("exp", .integer(JSONValue.safeIntegers.upperBound)), ("exp", nil), ("exp", "soon"),
            ("nbf", .integer(GateCase.now.seconds - 60)), ("jti", "short"), ("jti", nil), ("sub", nil),
            ("client_id", nil),
        ] as [(String, JSONValue?)])
    func claims(name: String, value: JSONValue?) {
        var token = GateCase()
        token.claims[name] = value
        refuses(token)
    }

    private static let lies: [@Sendable (inout Entry) -> Void] = [
        { $0.kind = .denied }, { $0.jti = "fedcba9876543210" }, { $0.jti = nil },
        { $0.user = .init(iss: "https://idp.example", sub: "bob") }, { $0.user = nil }, { $0.client = "other" },
        { $0.client = nil }, { $0.exp = GateCase.now.seconds + 59 }, { $0.exp = nil }, { $0.kid = "other" },
        { $0.kid = nil }, { $0.iat = GateCase.now.seconds - 1 }, { $0.tokenKind = "JWT" },
        { $0.grantedScope = "accounts:write" }, { $0.grantedScope = nil },
        { $0.audience = "https://other.example" }, { $0.audience = nil },
        { $0.subject = .init(iss: nil, sub: "alice") }, { $0.tool = "crm.delete" }, { $0.tool = nil },
        { $0.actions = ["delete"] }, { $0.actions = nil }, { $0.locations = ["https://api.example/"] },
        { $0.identifier = "1" }, { $0.argumentsSHA256 = Base64URL.string([UInt8](repeating: 0, count: 32)) },
        { $0.actors = nil }, { $0.actors = [.init(iss: "https://agents.example", sub: "other")] },
        { $0.actors = [.init(iss: "https://other.example", sub: "assistant")] },
        { $0.actors = [.init(iss: nil, sub: "assistant")] },
        { $0.actors = ($0.actors ?? []) + [.init(iss: "https://agents.example", sub: "second")] },
        { $0.inputSHA256 = Base64URL.string([UInt8](repeating: 0, count: 32)) }, { $0.inputSHA256 = nil },
        { $0.txn = "other" }, { $0.txn = nil },
    ]

    @Test("an entry that does not say what the token says is refused", arguments: lies.indices)
    func entry(index: Int) {
        var token = GateCase()
        token.change = Self.lies[index]
        refuses(token)
    }

    private static let calls: [@Sendable (inout Entry) -> Void] = [
        { $0.tool = "crm.read" }, { $0.actions = ["read"] }, { $0.locations = ["https://api.example/"] },
        { $0.identifier = "1" }, { $0.argumentsSHA256 = Base64URL.string([UInt8](repeating: 0, count: 32)) },
    ]

    @Test("an entry names no call where the token has none", arguments: calls.indices)
    func noCall(index: Int) throws {
        var token = GateCase()
        token.claims["authorization_details"] = nil
        token.change = {
            ($0.tool, $0.actions) = (nil, nil)
        }
        try token.check()
        token.change = {
            ($0.tool, $0.actions) = (nil, nil)
            Self.calls[index](&$0)
        }
        refuses(token)
    }

    @Test(
        "an entry names the certificate that the token is bound to",
        arguments: [nil, String(repeating: "08", count: 32), Base64URL.string([UInt8](repeating: 7, count: 32))])
    func peer(other: String?) throws {
        var token = GateCase()
        token.claims["cnf"] = ["x5t#S256": .string(Base64URL.string([UInt8](repeating: 7, count: 32)))]
        token.change = { $0.peer = String(repeating: "07", count: 32) }
        try token.check()
        token.change = { $0.peer = other }
        refuses(token)
        token.claims["cnf"] = ["x5t#S256": 7]
        refuses(token)
        // A token that is bound to another key names no certificate.
        token.claims["cnf"] = ["jkt": "x"]
        try token.check()
    }

    @Test(
        "what no entry could say is refused",
        arguments: [
            ("scope", ["accounts:read", "admin"]), ("scope", ["admin"]),
            ("act", ["iss": "https://agents.example", "sub": "assistant", "email": "x"]),
            ("authorization_details", []), ("authorization_details", "x"),
            (
                "authorization_details",
                [["type": "tool_invocation", "tool": "crm.read", "actions": ["read"], "more": 1]]
            ),
            ("authorization_details", [["type": "payment", "tool": "crm.read", "actions": ["read"]]]),
        ] as [(String, JSONValue)])
    func unsayable(name: String, value: JSONValue) {
        var token = GateCase()
        token.claims[name] = value
        refuses(token)
        token.change = { $0.grantedScope = name == "scope" ? nil : $0.grantedScope }
        refuses(token)
    }

    @Test(
        "what is no JWS signing input is refused",
        arguments: ["", ".", "e30", "e30.e30.e30", "e30.", "{}.{}", "e30.W10", "e30.eyJhIjoxLCJhIjoyfQ", "e30=.e30"])
    func malformed(text: String) {
        var token = GateCase()
        token.input = Array(text.utf8)
        refuses(token)
    }

    @Test(
        "a key that is not an active signing key signs no token",
        arguments: ManifestKey.State.allCases.filter { $0 != .active })
    func states(state: ManifestKey.State) {
        var token = GateCase()
        token.key.state = state
        refuses(token)
    }

    @Test func aTLSKeySignsNoToken() {
        var token = GateCase()
        token.key.purpose = .tls
        refuses(token)
    }

    @Test func aRefusalNeverRepeatsAValueOfTheInput() {
        var token = GateCase()
        token.claims["iss"] = "https://secret.example"
        let error = #expect(throws: CoreError.self) { try token.check() }
        #expect(error?.reason.contains("secret") == false)
    }

    private func refuses(_ token: GateCase, sourceLocation: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: CoreError.self, sourceLocation: sourceLocation) { try token.check() }
        #expect(error?.code == .refused, sourceLocation: sourceLocation)
    }
}

@Suite struct TLSGateTests {
    private static let prefix =
        [UInt8](repeating: 0x20, count: 64) + Array("TLS 1.3, server CertificateVerify".utf8) + [0]

    @Test("a server CertificateVerify is signed", arguments: [32, 48])
    func accepted(hashLength: Int) throws {
        try TLSGate.check(Self.prefix + [UInt8](repeating: 7, count: hashLength))
    }

    @Test(
        "anything else is refused",
        arguments: [
            [], prefix, prefix + [UInt8](repeating: 7, count: 31), prefix + [UInt8](repeating: 7, count: 33),
            [UInt8](repeating: 0x20, count: 64) + Array("TLS 1.3, client CertificateVerify".utf8)
                + [UInt8](repeating: 0, count: 33),
            Array(prefix.dropFirst()) + [UInt8](repeating: 7, count: 33), Array("eyJhbGciOiJFUzI1NiJ9.e30".utf8),
        ] as [[UInt8]])
    func refused(data: [UInt8]) {
        #expect(throws: CoreError.self) { try TLSGate.check(data) }
    }
}
