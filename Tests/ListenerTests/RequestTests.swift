import StrictEncoding
import Synchronization
import Testing

@testable import VaultAppliance

/// What the gateway's HTTP accepts and refuses.
@Suite(.timeLimit(.minutes(10))) struct RequestTests {
    private func error(_ answer: TestConnection.Answer) throws -> String? {
        #expect(answer.fields["content-type"] == "application/json")
        #expect(answer.fields["cache-control"] == "no-store")
        let value = try JSONParser.parse(Array(answer.body.utf8))
        #expect(value.object?.names == ["error", "error_description"])
        return value.object?["error"]?.string
    }

    @Test func theServiceSeesTheWholeRequest() async throws {
        let seen = Mutex<GatewayRequest?>(nil)
        let routes = RouteTable.gateway { request in
            seen.withLock { $0 = request }
            return GatewayResponse(status: 200, headers: [("X-Test", "yes")], body: Array("{}".utf8))
        }
        let answer = try await TestServer.run(routes) { server in
            let connection = try await TestConnection.open(port: server.port)
            return try await connection.post("/oauth2/token", "a=b&c=%20d")
        }
        let request = try #require(seen.withLock { $0 })
        #expect(request.bodyBytes == Array("a=b&c=%20d".utf8))
        #expect(request.path == "/oauth2/token")
        #expect(request.contentType == "application/x-www-form-urlencoded")
        #expect(request.remoteAddress == "127.0.0.1")
        #expect(request.requestID == answer.fields["x-request-id"])
        #expect(request.deadline > .now)
        #expect(answer.fields["x-test"] == "yes")
        #expect(answer.fields["content-type"] == "application/json")
        #expect(answer.fields["cache-control"] == "no-store")
        #expect(answer.fields["date"]?.hasSuffix(" GMT") == true)
    }

    @Test func everyRequestHasItsOwnID() async throws {
        let ids = try await TestServer.run(.echo) { server in
            let connection = try await TestConnection.open(port: server.port)
            var ids: Set<String> = []
            for _ in 0..<10 {
                let answer = try await connection.post("/token", fields: "X-Request-Id: mine\r\n")
                ids.insert(answer.fields["x-request-id"] ?? "")
            }
            return ids
        }
        #expect(ids.count == 10)
        #expect(ids.allSatisfy { $0.count == 32 && $0.allSatisfy(\.isHexDigit) })
    }

    @Test(
        "a path that could be read in two ways is refused",
        arguments: [
            "/oauth2/../token", "/./token", "/token/.", "/..", "//token", "/oauth2//token", "/oauth2%2ftoken",
            "/oauth2%2Ftoken", "/%2e%2e/token", "/%2E/token", "/token%00", "/token%5c", "/%252e", "/token%", "/token%2",
            "/token%zz", "/a\\b", "/a#b", "http://vault.test/a/../token", "http://vault.test//token", "*", "token",
        ])
    func paths(_ target: String) async throws {
        #expect(throws: Refusal.badTarget) { try RequestTarget.path(of: target) }
        try await TestServer.run(.echo) { server in
            let answer = try await TestConnection.open(port: server.port).get(target)
            #expect(answer.status == 400)
            #expect(try error(answer) == "invalid_request")
        }
    }

    @Test(
        "ordinary paths are accepted",
        arguments: ["/", "/a", "/a/", "/a/b.c", "/.well-known/x", "/a%20b", "/...", "/a?b=//"])
    func goodPaths(_ target: String) throws {
        #expect(try RequestTarget.path(of: target) == target.split(separator: "?")[0])
    }

    /// A server accepts the absolute form (RFC 9112 section 3.2.2); its path is checked like any other.
    @Test func theAbsoluteFormIsReadAsItsPath() async throws {
        let status = try await TestServer.run(.echo) { server in
            try await TestConnection.open(port: server.port).post("http://vault.test/token").status
        }
        #expect(status == 200)
    }

    @Test func controlCharactersAndNULInATargetAreRefused() {
        for target in ["/a\0", "/a\u{1}", "/a b", "/\u{7F}", "/ü", "", "?a"] {
            #expect(throws: Refusal.badTarget) { try RequestTarget.path(of: target) }
        }
        #expect(throws: Refusal.badTarget) { try RequestTarget.path(of: nil) }
    }

    @Test("unknown paths are 404", arguments: ["/", "/tokens", "/token/", "/TOKEN", "/oauth2", "/metrics"])
    func unknownPaths(_ path: String) async throws {
        try await TestServer.run(.echo) { server in
            let answer = try await TestConnection.open(port: server.port).post(path)
            #expect(answer.status == 404)
            #expect(try error(answer) == "not_found")
        }
    }

    @Test(
        "other methods are 405 and told which is allowed",
        arguments: ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
    func methods(_ method: String) async throws {
        try await TestServer.run(.echo) { server in
            let connection = try await TestConnection.open(port: server.port)
            let answer = try await connection.get("/oauth2/token", method: method)
            #expect(answer.status == 405)
            #expect(answer.fields["allow"] == "POST")
            #expect(try error(answer) == "invalid_request")
            let head = try await connection.get("/oauth2/token", method: "HEAD")
            #expect(head.status == 405)
            #expect(try await connection.post("/token").status == 200)
        }
    }

    @Test(
        "only a form is accepted",
        arguments: [
            "application/json", "text/plain", "multipart/form-data", "application/x-www-form-urlencodedx", "",
            "application/json; a=application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded\r\nContent-Type: application/json",
        ])
    func contentTypes(_ type: String) async throws {
        try await TestServer.run(.echo) { server in
            let connection = try await TestConnection.open(port: server.port)
            try await connection.send(
                "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: \(type)\r\nContent-Length: 3\r\n\r\na=b")
            let answer = try await connection.answer()
            #expect(answer.status == 400)
            #expect(try error(answer) == "invalid_request")
        }
    }

    @Test(
        "a form may have parameters and capitals",
        arguments: ["application/x-www-form-urlencoded; charset=UTF-8", "Application/X-WWW-Form-Urlencoded ;a=b"])
    func formTypes(_ type: String) async throws {
        try await TestServer.run(.echo) { server in
            let connection = try await TestConnection.open(port: server.port)
            try await connection.send(
                "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: \(type)\r\nContent-Length: 3\r\n\r\na=b")
            #expect(try await connection.answer().status == 200)
        }
    }

    @Test func parametersInTheURIAreRefused() async throws {
        try await TestServer.run(.echo) { server in
            let answer = try await TestConnection.open(port: server.port).post("/token?grant_type=x")
            #expect(answer.status == 400)
        }
    }

    /// RFC 9112 section 3.2.
    @Test func twoHostFieldsAreRefused() async throws {
        try await TestServer.run(.echo) { server in
            let connection = try await TestConnection.open(port: server.port)
            try await connection.send(
                "POST /token HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                    + "Content-Length: 3\r\n\r\na=b")
            let answer = try await connection.answer()
            #expect(answer.status == 400 && answer.fields["connection"] == "close")
            #expect(try error(answer) == "invalid_request")
        }
    }

    @Test func theSchemeOfAnAuthorizationIsHandedOnAsItStands() async throws {
        let seen = Mutex<[String?]>([])
        let routes = RouteTable.gateway { request in
            seen.withLock { $0.append(request.hasAuthorization ? request.authorizationScheme : "none") }
            return GatewayResponse(status: 200, body: [])
        }
        try await TestServer.run(routes) { server in
            let connection = try await TestConnection.open(port: server.port)
            for field in ["Authorization: Basic YTpi\r\n", "Authorization: a\"b c\r\n", ""] {
                _ = try await connection.post("/token", fields: field)
            }
        }
        let schemes = seen.withLock { $0 }
        #expect(schemes == ["Basic", nil, "none"])
    }

    @Test func tooManyRequestsAreToldWhenToComeBack() async throws {
        var limits = ListenerLimits()
        limits.requestsPerSecond = 1
        limits.burst = 1
        try await TestServer.run(.echo, limits: limits) { server in
            let connection = try await TestConnection.open(port: server.port)
            var refused: TestConnection.Answer?
            for _ in 0..<50 where refused == nil {
                let answer = try await connection.post("/token")
                if answer.status != 200 { refused = answer }
            }
            let answer = try #require(refused)
            #expect(answer.status == 429)
            #expect(answer.fields["retry-after"] == "1")
            #expect(try error(answer) == "temporarily_unavailable")
        }
    }
}
