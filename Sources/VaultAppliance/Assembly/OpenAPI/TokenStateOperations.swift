import Minting
import StrictEncoding

/// Introspection, revocation and the receiver of security events in the words of OpenAPI.
enum TokenStateOperations {
    /// Each path with its operation.
    static var all: [(path: String, operation: JSONValue)] {
        [
            (
                RouteTable.introspectionPath,
                form(
                    "introspect", "Ask whether a token counts (RFC 7662)",
                    OpenAPIDocument.answer(
                        "Exactly {\"active\":false}, or the token's claims.",
                        ["type": "object", "required": ["active"], "properties": ["active": ["type": "boolean"]]]))
            ),
            (
                RouteTable.revocationPath,
                form(
                    "revoke", "Give up a token (RFC 7009)",
                    ["description": "Revoked, durably; or the token was invalid anyway."])
            ),
            (RouteTable.eventsPath, events),
        ]
    }

    private static func form(_ identifier: String, _ summary: String, _ done: JSONValue) -> JSONValue {
        let text: JSONValue = ["type": "string"]
        let form: JSONValue = [
            "type": "object", "required": ["token"],
            "properties": [
                "token": text, "token_type_hint": text, "client_id": text, "client_assertion": text,
                "client_assertion_type": ["const": .string(ClientAssertion.type)],
            ],
        ]
        return [
            "operationId": .string(identifier), "summary": .string(summary),
            "security": [["tls_client_auth": []], [:]],
            "requestBody": [
                "required": true, "content": ["application/x-www-form-urlencoded": ["schema": form]],
            ],
            "responses": responses(done: ("200", done), TokenOperation.reference("Error")),
        ]
    }

    private static var events: JSONValue {
        let refusal: JSONValue = [
            "type": "object", "required": ["err"],
            "properties": ["err": ["type": "string"], "description": ["type": "string"]],
        ]
        return [
            "operationId": "events", "summary": "Push a security event token (RFC 8935)",
            "requestBody": [
                "required": true,
                "content": .object(
                    JSONObject([.init(name: SecurityEventToken.mediaType, value: ["schema": ["type": "string"]])])),
            ],
            "responses": responses(
                done: ("202", ["description": "Taken."]), TokenOperation.reference("Error"),
                others: [
                    .init(name: "400", value: OpenAPIDocument.answer("Not taken (RFC 8935 section 2.3).", refusal)),
                    .init(name: "503", value: ["description": "Not recorded: send it again, see Retry-After."]),
                ]),
        ]
    }

    /// The answers of an operation; those in `others` are given in other words.
    private static func responses(
        done: (String, JSONValue), _ problem: JSONValue, others: [JSONObject.Member] = []
    ) -> JSONValue {
        let texts = [
            ("400", "Refused: the code says what to mend."), ("401", "The client did not prove itself."),
            ("408", "Too slow."), ("413", "Too large."), ("429", "Too fast: see Retry-After."),
            ("503", "Not known or not recorded now: see Retry-After."),
        ]
        var responses = JSONObject(
            [.init(name: done.0, value: done.1)]
                + texts.map { .init(name: $0.0, value: OpenAPIDocument.answer($0.1, problem)) })
        for other in others { responses[other.name] = other.value }
        return .object(responses)
    }
}
