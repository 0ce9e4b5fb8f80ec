import StrictEncoding
import Testing

@testable import VaultAppliance

/// The public and the ops listener.
@Suite(.timeLimit(.minutes(10))) struct DocumentTests {
    private let document = StaticDocument(json: Array(#"{"keys":[]}"#.utf8))

    private func routes() -> RouteTable {
        .public { [document] path in path == "/.well-known/openid-configuration" ? nil : document }
    }

    @Test func aDocumentIsServedWithItsValidator() async throws {
        try await TestServer.run(routes()) { server in
            let connection = try await TestConnection.open(port: server.port)
            let answer = try await connection.get("/.well-known/jwks.json")
            #expect(answer.status == 200)
            #expect(answer.body == #"{"keys":[]}"#)
            #expect(answer.fields["content-type"] == "application/json")
            #expect(answer.fields["cache-control"] == "public, max-age=300")
            #expect(answer.fields["etag"] == document.entityTag)
            let head = try await connection.get("/.well-known/jwks.json", method: "HEAD")
            #expect(head.status == 200)
            #expect(head.fields["content-length"] == "11")
            #expect(head.fields["etag"] == document.entityTag)
            // Nothing of a body came: the next answer is whole.
            #expect(try await connection.get("/.well-known/oauth-authorization-server").status == 200)
            #expect(try await connection.get("/.well-known/jwks.json?x=y").status == 200)
        }
    }

    @Test func aClientThatHasTheDocumentIsToldSo() async throws {
        let tag = document.entityTag
        try await TestServer.run(routes()) { server in
            let connection = try await TestConnection.open(port: server.port)
            for known in [tag, "W/\(tag)", "\"a\", \(tag)", "\"a\",\(tag) ,\"b\"", "*"] {
                let answer = try await connection.get("/.well-known/jwks.json", fields: "If-None-Match: \(known)\r\n")
                #expect(answer.status == 304)
                #expect(answer.body == "")
                #expect(answer.fields["etag"] == tag)
                #expect(answer.fields["cache-control"] == "public, max-age=300")
            }
            for other in ["\"a\"", String(tag.dropLast()), "\"\(tag)\"", ""] {
                let answer = try await connection.get("/.well-known/jwks.json", fields: "If-None-Match: \(other)\r\n")
                #expect(answer.status == 200)
            }
        }
    }

    @Test func validatorsDifferWithTheContent() {
        #expect(StaticDocument(json: [1]).entityTag != StaticDocument(json: [2]).entityTag)
        #expect(StaticDocument(json: [1]).entityTag == StaticDocument(json: [1]).entityTag)
    }

    @Test func aDocumentThatIsNotThereYetIs503AndOthersAre404() async throws {
        try await TestServer.run(routes()) { server in
            let connection = try await TestConnection.open(port: server.port)
            let missing = try await connection.get("/.well-known/openid-configuration")
            #expect(missing.status == 503)
            #expect(missing.fields["retry-after"] == "5")
            #expect(try await connection.get("/.well-known/other").status == 404)
            #expect(try await connection.post("/token").status == 404)
            let post = try await connection.post("/.well-known/jwks.json")
            #expect(post.status == 405)
            #expect(post.fields["allow"] == "GET, HEAD")
        }
    }

    @Test func healthSaysWhyItIsNotReady() async throws {
        let routes = RouteTable.operations(
            readiness: {
                var details = JSONObject()
                details["custody"] = "development"
                details["ready"] = true
                return Readiness(reasons: ["the core is sealed"], details: details)
            }, metrics: MetricsRegistry())
        try await TestServer.run(routes) { server in
            let connection = try await TestConnection.open(port: server.port)
            let live = try await connection.get("/health/live")
            #expect(live.status == 200)
            #expect(try JSONParser.parse(Array(live.body.utf8)) == ["live": true])
            let ready = try await connection.get("/health/ready")
            #expect(ready.status == 503)
            #expect(ready.body == #"{"ready":false,"reasons":["the core is sealed"],"custody":"development"}"#)
        }
    }

    @Test func metricsAreServedInTheTextFormat() async throws {
        let metrics = MetricsRegistry()
        metrics.counter("vault_test_total", "A test.").with().increment()
        let routes = RouteTable.operations(readiness: { Readiness() }, metrics: metrics)
        try await TestServer.run(routes) { server in
            let connection = try await TestConnection.open(port: server.port)
            #expect(try await connection.get("/health/ready").status == 200)
            let answer = try await connection.get("/metrics")
            #expect(answer.fields["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(
                answer.body == "# HELP vault_test_total A test.\n# TYPE vault_test_total counter\nvault_test_total 1\n")
        }
    }
}
