import AuditLog
import StrictEncoding
import Testing

@testable import VaultAppliance

/// The tool call from end to end: asked for, decided on, granted, recorded, and narrowed when it is handed on.
@Suite(.serialized) struct DetailsTests {
    private static let digest = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
    private static let otherDigest = "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"
    private static let place = "https://crm.acme.example/eu/accounts/7"

    /// A call of `tool` with these members.
    private static func call(_ tool: String, _ members: [(String, JSONValue)] = []) -> JSONValue {
        var call = JSONObject([
            .init(name: "type", value: "tool_invocation"), .init(name: "tool", value: .string(tool)),
        ])
        for (name, value) in members { call[name] = value }
        return [.object(call)]
    }

    private static func text(_ details: JSONValue) -> String {
        String(decoding: JSONWriter.compact(details), as: UTF8.self)
    }

    private static let edit: [(String, JSONValue)] = [
        ("actions", ["update"]), ("locations", [.string(place)]), ("identifier", "7"),
        ("arguments_sha256", .string(digest)),
    ]

    private func ask(_ details: JSONValue) async throws -> ExchangeAnswer {
        try await KindsFixture.ask(
            try await KindsFixture.request(for: "crm") { $0.set("authorization_details", Self.text(details)) })
    }

    @Test func everyMemberIsEchoedInAnswerAndTokenAndStandsInTheEntry() async throws {
        let details = Self.call("crm.edit", Self.edit)
        let answer = try await ask(details)
        #expect(answer.status == 200, "\(answer.body)")
        #expect(answer.body["authorization_details"] == details)
        let (_, claims) = try await KindsFixture.verified(answer.token)
        #expect(claims["authorization_details"] == details)
        let fixture = try await KindsFixture.shared.value
        let entry = try #require(try fixture.entries().last { $0.requestID == answer.requestID })
        #expect(entry.kind == .mint && entry.tool == "crm.edit" && entry.actions == ["update"])
        #expect(entry.locations == [Self.place] && entry.identifier == "7" && entry.argumentsSHA256 == Self.digest)
        #expect(entry.ruleID == "crm-edit")
    }

    static let refused: [(what: String, change: (String, JSONValue?), error: String)] = [
        ("no arguments", ("arguments_sha256", nil), "access_denied"),
        ("arguments that are no digest", ("arguments_sha256", "short"), "invalid_authorization_details"),
        ("no identifier", ("identifier", nil), "access_denied"),
        ("another object than the location's", ("identifier", "8"), "access_denied"),
        ("an identifier that would leave its segment", ("identifier", "7/../8"), "access_denied"),
        ("no location", ("locations", nil), "access_denied"),
        ("a location elsewhere", ("locations", ["https://crm.acme.example/eu/contacts/7"]), "access_denied"),
        ("a deeper location", ("locations", ["https://crm.acme.example/eu/x/accounts/7"]), "access_denied"),
        (
            "one location more than is allowed", ("locations", [.string(place), "https://x.example/eu/accounts/7"]),
            "access_denied"
        ),
        ("another action", ("actions", ["delete"]), "access_denied"),
    ]

    @Test("a call that the rule does not mean is refused, and recorded as it was asked for", arguments: refused.indices)
    func refusal(index: Int) async throws {
        let (what, change, error) = Self.refused[index]
        var members = Self.edit.filter { $0.0 != change.0 }
        if let value = change.1 { members.append((change.0, value)) }
        let answer = try await ask(Self.call("crm.edit", members))
        #expect(answer.error == error && answer.token == nil, "\(what): \(answer.body)")
        let fixture = try await KindsFixture.shared.value
        let entry = try #require(try fixture.entries().last { $0.requestID == answer.requestID })
        #expect(entry.kind == .denied && entry.code == error)
        // What could not be read is not repeated.
        guard error == "access_denied" else { return }
        #expect(entry.argumentsSHA256 == (change.0 == "arguments_sha256" ? nil : Self.digest))
        #expect(entry.tool == "crm.edit")
    }

    static let narrowings:
        [(what: String, first: [(String, JSONValue)], next: [(String, JSONValue)]?, isGranted: Bool)] = [
            ("what is open is settled", [], [("identifier", "7"), ("arguments_sha256", .string(digest))], true),
            ("what is settled stays so when nothing is asked", [("identifier", "7")], nil, true),
            ("the same again", [("identifier", "7")], [("identifier", "7")], true),
            ("another object", [("identifier", "7")], [("identifier", "8")], false),
            ("any object", [("identifier", "7")], [], false),
            (
                "the same arguments", [("arguments_sha256", .string(digest))], [("arguments_sha256", .string(digest))],
                true
            ),
            (
                "other arguments", [("arguments_sha256", .string(digest))],
                [("arguments_sha256", .string(otherDigest))],
                false
            ),
            ("any arguments", [("arguments_sha256", .string(digest))], [], false),
            (
                "arguments settled beside an object", [("identifier", "7")],
                [("identifier", "7"), ("arguments_sha256", .string(digest))], true
            ),
        ]

    @Test("object and arguments are only ever narrowed", arguments: narrowings.indices)
    func narrowing(index: Int) async throws {
        let (what, first, next, isGranted) = Self.narrowings[index]
        let token = try #require(try await ask(Self.call("crm.draft", first)).token)
        let changes = next.map { [("authorization_details", Self.text(Self.call("crm.draft", $0)) as String?)] } ?? []
        let answer = try await KindsFixture.handOn(token, to: "desk", changes)
        #expect(answer.error == (isGranted ? nil : "invalid_authorization_details"), "\(what): \(answer.body)")
        guard isGranted else { return }
        let (_, claims) = try await KindsFixture.verified(answer.token)
        #expect(claims["authorization_details"] == Self.call("crm.draft", next ?? first))
    }
}
