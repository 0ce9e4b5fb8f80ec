import Minting
import StrictEncoding
import Testing

@testable import VaultAppliance

/// The OpenAPI document says what the listeners do.
@Suite struct OpenAPITests {
    private let document = OpenAPIDocument(gatewayURL: "https://gw.example", publicURL: "https://vault.example").json

    private func object(_ path: String...) -> JSONObject? {
        path.reduce(document.object) { $0?[$1]?.object }
    }

    private var routes: [String: Set<String>] {
        let answer: @Sendable (GatewayRequest) async -> GatewayResponse = { _ in GatewayResponse(status: 200, body: [])
        }
        var gateway = RouteTable.gateway(token: answer)
        gateway.addTokenState(introspect: answer, revoke: answer, events: answer)
        let open = RouteTable.public(documents: { _ in nil })
        return gateway.methods.merging(open.methods) { $0.union($1) }
    }

    @Test func itHasExactlyTheRoutesOfTheListeners() throws {
        let paths = try #require(object("paths"))
        var documented: [String: Set<String>] = [:]
        for member in paths.members {
            documented[member.name] = Set(
                (member.value.object?.names ?? []).filter { $0 != "servers" }.map { $0.uppercased() })
        }
        // HEAD answers as GET does, and OpenAPI needs no word for it.
        #expect(documented == routes.mapValues { $0.subtracting(["HEAD"]) })
    }

    @Test func itNamesEveryErrorCodeEveryGrantAndEveryTokenType() {
        let codes = object("components", "schemas", "Error", "properties", "error")?["enum"]?.strings
        #expect(codes == OAuthError.Code.allCases.map(\.rawValue))
        let types = object("components", "schemas", "TokenResponse", "properties", "issued_token_type")?["enum"]
        #expect(types?.strings == TokenType.allCases.map(\.rawValue))
        let grants = ["ExchangeRequest", "AssertionRequest", "ClientCredentialsRequest"].map {
            object("components", "schemas", $0, "properties", "grant_type")?["const"]?.string
        }
        #expect(grants == TokenRequest.GrantType.allCases.map(\.rawValue))
    }

    @Test func everyReferenceLeadsSomewhere() {
        var references: Set<String> = []
        func collect(_ value: JSONValue) {
            for member in value.object?.members ?? [] {
                if member.name == "$ref", let text = member.value.string { references.insert(text) }
                collect(member.value)
            }
            for element in value.array ?? [] { collect(element) }
        }
        collect(document)
        let known = Set(
            ["schemas", "headers"].flatMap { kind in
                (object("components", kind)?.names ?? []).map { "#/components/\(kind)/\($0)" }
            })
        #expect(!references.isEmpty && references.isSubset(of: known))
    }

    @Test func itSaysWhichFieldsAnAnswerHasAndHowClientsProveThemselves() {
        func fields(_ path: String, _ status: String) -> [String]? {
            object("paths", path, "post", "responses", status, "headers")?.names
        }
        #expect(fields("/token", "200") == ["X-Request-Id", "X-Audit-Leaf", "DPoP-Nonce"])
        #expect(fields("/token", "401") == ["X-Request-Id", "WWW-Authenticate", "DPoP-Nonce"])
        #expect(fields("/token", "429")?.last == "Retry-After" && fields("/token", "503")?.last == "Retry-After")
        #expect(fields("/oauth2/revoke", "200") == ["X-Request-Id", "X-Audit-Leaf"])
        // A form of another type is a bad request (RFC 6749 section 5.2).
        #expect(object("paths", "/token", "post", "responses")?.names.contains("415") == false)
        #expect(
            object("paths", "/token", "post")?["security"] == [["tls_client_auth": []], ["private_key_jwt": []]])
        #expect(object("components", "securitySchemes")?.names == ["tls_client_auth", "private_key_jwt"])
    }

    @Test func theResponseSchemaHasTheMembersOfAnAnswer() throws {
        let details = try ToolInvocation(parsing: Array(#"[{"type":"tool_invocation","tool":"t"}]"#.utf8))
        let answer = TokenExchangeResponse(
            accessToken: "a", lifetime: 1, scope: "s", authorizationDetails: details, receipt: "r")
        let names = object("components", "schemas", "TokenResponse", "properties")?.names
        #expect(names.map { Set($0) } == Set(answer.json.object?.names ?? ["none"]))
    }
}
