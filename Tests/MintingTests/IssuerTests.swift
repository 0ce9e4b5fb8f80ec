import Minting
import StrictEncoding
import Testing

@Suite struct IssuerTests {
    private func code(_ make: () throws -> Void) -> MintingError.Code? {
        do {
            try make()
            return nil
        } catch {
            return (error as? MintingError)?.code
        }
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var name = "corp"
        var issuer = "https://idp.acme.example"
        var roles: Set<Issuer.Role> = [.subject]
        var audiences: Set<String> = ["https://vault.acme.example"]
        var algorithms: Set<JWSAlgorithm> = [.es256]
        var maximumAge: Int64?
        var clockSkew: Int64 = 30
        var prefix: String?
        var claims = Issuer.ClaimNames()
    }

    static let faults = [
        Fault(testDescription: "no name", name: ""), Fault(testDescription: "name with space", name: "a b"),
        Fault(testDescription: "no issuer", issuer: ""),
        Fault(testDescription: "issuer beyond ASCII", issuer: "https://\u{212A}"),
        Fault(testDescription: "no role", roles: []), Fault(testDescription: "no audience", audiences: []),
        Fault(testDescription: "empty audience", audiences: [""]),
        Fault(testDescription: "audience beyond ASCII", audiences: ["\u{212A}"]),
        Fault(testDescription: "no algorithm", algorithms: []),
        Fault(testDescription: "algorithm of no key", algorithms: [.rs256]),
        Fault(testDescription: "no age", maximumAge: 0), Fault(testDescription: "negative skew", clockSkew: -1),
        Fault(testDescription: "too much skew", clockSkew: 61), Fault(testDescription: "empty prefix", prefix: ""),
        Fault(testDescription: "prefix beyond ASCII", prefix: "\u{212A}:"),
        Fault(testDescription: "empty claim", claims: .init(groups: "")),
        Fault(testDescription: "claim beyond ASCII", claims: .init(user: "\u{212A}")),
    ]

    @Test("an issuer that cannot be is refused when it is loaded", arguments: faults)
    func refused(fault: Fault) throws {
        let keys = try Corp.keys([.es256])
        let found = code {
            _ = try Issuer(
                name: fault.name, issuer: fault.issuer, roles: fault.roles, audiences: fault.audiences,
                algorithms: fault.algorithms, keys: keys, maximumAge: fault.maximumAge, clockSkew: fault.clockSkew,
                subjectPrefix: fault.prefix, claims: fault.claims)
        }
        #expect(found == .badIssuer)
    }

    private func make(_ name: String, _ prefix: String?, _ roles: Set<Issuer.Role> = [.subject]) throws -> Issuer {
        try Corp.configured(name: name, issuer: "https://\(name).example", roles: roles, prefix: prefix)
    }

    @Test(
        "issuers that could yield the same sub are refused",
        arguments: [
            ([nil, nil], true), ([nil, "a:"], false), (["a:", "b:"], false), (["a:", "a:"], true),
            (["a:", "a:b:"], true), ([nil, "a:", "b:"], false), ([nil, "a:", nil], true), ([nil], false), ([], false),
        ] as [([String?], Bool)])
    func subjects(prefixes: [String?], refused: Bool) throws {
        let issuers = try prefixes.enumerated().map { try make("idp\($0.offset)", $0.element) }
        #expect(code { _ = try IssuerSet(issuers) } == (refused ? .conflictingIssuers : nil))
    }

    @Test func issuersOfAgentsNeedNoPrefix() throws {
        let issuers = try [make("users", nil), make("agents", nil, [.actor]), make("more-agents", nil, [.actor])]
        #expect(code { _ = try IssuerSet(issuers) } == nil)
    }

    @Test func namesAndIssuerStringsAreUnique() throws {
        let one = try Corp.configured(name: "one", roles: [.actor])
        let sameString = try Corp.configured(name: "two", roles: [.actor])
        let sameName = try Corp.configured(name: "one", issuer: "https://two.example", roles: [.actor])
        #expect(code { _ = try IssuerSet([one, sameString]) } == .conflictingIssuers)
        #expect(code { _ = try IssuerSet([one, sameName]) } == .conflictingIssuers)
    }

    @Test(
        "an issuer is found by its exact string alone",
        arguments: [
            ("https://K.example", true), ("https://k.example", false), ("https://\u{212A}.example", false),
            ("https://K.example/", false), ("", false),
        ])
    func lookup(string: String, found: Bool) throws {
        let issuers = try IssuerSet([Corp.configured(issuer: "https://K.example")])
        #expect((issuers.issuer(string) != nil) == found)
    }
}
