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
                    [
                        "description": "Revoked, durably; or the token was invalid anyway.",
                        "headers": OpenAPIDocument.headers("X-Audit-Leaf"),
                    ])
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
            "security": OpenAPIDocument.security,
            "requestBody": [
                "required": true, "content": ["application/x-www-form-urlencoded": ["schema": form]],
            ],
            "responses": responses(done: ("200", done)),
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
                done: ("202", ["description": "Taken.", "headers": OpenAPIDocument.headers()]),
                others: [
                    .init(name: "400", value: OpenAPIDocument.answer("Not taken (RFC 8935 section 2.3).", refusal)),
                    .init(
                        name: "503",
                        value: [
                            "description": "Not recorded: send it again.",
                            "headers": OpenAPIDocument.headers("Retry-After"),
                        ]),
                ]),
        ]
    }

    /// The answers of an operation; those in `others` are given in other words.
    private static func responses(
        done: (String, JSONValue), others: [JSONObject.Member] = []
    ) -> JSONValue {
        var responses = JSONObject([.init(name: done.0, value: done.1)] + TokenOperation.refusals)
        for other in others { responses[other.name] = other.value }
        return .object(responses)
    }
}
