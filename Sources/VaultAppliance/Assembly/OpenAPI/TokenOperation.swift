import Minting
import StrictEncoding

/// The token endpoint in the words of OpenAPI.
enum TokenOperation {
    /// The operation at one of its paths.
    static func json(_ path: String) -> JSONValue {
        let grants = ["ExchangeRequest", "AssertionRequest", "ClientCredentialsRequest"].map { reference($0) }
        return [
            "operationId": path == "/token" ? "tokenAlias" : "token",
            "summary": "Ask for a credential (RFC 6749 section 3.2, RFC 8693, RFC 7523)",
            "security": OpenAPIDocument.security,
            "requestBody": [
                "required": true,
                "content": ["application/x-www-form-urlencoded": ["schema": ["oneOf": .array(grants)]]],
            ],
            "responses": .object(JSONObject(responses)),
        ]
    }

    /// The schemas that the operation refers to.
    static var schemas: [JSONObject.Member] {
        [
            .init(name: "ExchangeRequest", value: request(.exchange, exchangeParameters)),
            .init(name: "AssertionRequest", value: request(.assertion, [("assertion", "A partner's ID-JAG.")])),
            .init(name: "ClientCredentialsRequest", value: request(.clientCredentials, [])),
            .init(name: "TokenResponse", value: response), .init(name: "Error", value: error),
            .init(name: "ToolInvocation", value: invocation),
        ]
    }

    private static var responses: [JSONObject.Member] {
        let granted = OpenAPIDocument.answer(
            "Granted and recorded.", reference("TokenResponse"), headers: "X-Audit-Leaf", "DPoP-Nonce")
        return [.init(name: "200", value: granted)] + refusals
            + [.init(name: "500", value: OpenAPIDocument.answer("A fault of the appliance.", reference("Error")))]
    }

    /// The refusals that every operation of the gateway listener has.
    static var refusals: [JSONObject.Member] {
        let problem = reference("Error")
        return [
            .init(
                name: "400",
                value: OpenAPIDocument.answer(
                    "Refused: the code says what to mend.", problem, headers: "DPoP-Nonce")),
            .init(
                name: "401",
                value: OpenAPIDocument.answer(
                    "The client did not prove itself.", problem, headers: "WWW-Authenticate", "DPoP-Nonce")),
            .init(name: "408", value: OpenAPIDocument.answer("Too slow.", problem)),
            .init(name: "413", value: OpenAPIDocument.answer("Too large.", problem)),
            .init(
                name: "429", value: OpenAPIDocument.answer("Too fast.", problem, headers: "Retry-After")),
            .init(
                name: "503",
                value: OpenAPIDocument.answer(
                    "Not ready, not recorded, or saturated.", problem, headers: "Retry-After")),
        ]
    }

    /// Names and meanings of the parameters that belong to a token exchange alone.
    private static let exchangeParameters = [
        ("subject_token", "The user's token, or an access token of ours that is handed on."),
        ("subject_token_type", "What it is called (RFC 8693 section 3)."),
    ]

    private static func request(
        _ type: TokenRequest.GrantType, _ parameters: [(name: String, text: String)]
    ) -> JSONValue {
        var members: [JSONObject.Member] = [
            .init(name: "grant_type", value: ["const": .string(type.rawValue)])
        ]
        for parameter in parameters { members.append(.init(name: parameter.name, value: text(parameter.text))) }
        if type == .exchange {
            members.append(.init(name: "actor_token", value: text("The agent's token, where its issuer asks for one.")))
            members.append(.init(name: "actor_token_type", value: text("Stands exactly with actor_token.")))
        }
        let required = ["grant_type"] + parameters.map(\.name)
        return [
            "type": "object", "required": .array(required.map { .string($0) }),
            "properties": .object(JSONObject(members + accessParameters)),
        ]
    }

    /// What every grant may ask for.
    private static var accessParameters: [JSONObject.Member] {
        let types = TokenType.allCases.map { JSONValue.string($0.rawValue) }
        return [
            .init(name: "audience", value: list("Names the target.")),
            .init(name: "resource", value: list("Names the target by its address (RFC 8707).")),
            .init(name: "scope", value: text("Scope tokens between spaces; left out, the rule's.")),
            .init(
                name: "authorization_details",
                value: [
                    "description": "One tool_invocation as JSON (RFC 9396).", "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": ["type": "array", "maxItems": 1, "items": reference("ToolInvocation")],
                ]),
            .init(name: "requested_token_type", value: ["type": "string", "enum": .array(types)]),
            .init(name: "receipt", value: text("A trust domain: asks for a transaction token beside the credential.")),
            .init(
                name: "expires_in",
                value: [
                    "type": "integer", "minimum": 1,
                    "description": "Seconds to live; left out, the rule's default. More than allowed is cut down.",
                ]),
            .init(name: "client_id", value: text("Must name the client that proves itself.")),
            .init(name: "client_assertion", value: text("Proof of a client with private_key_jwt (RFC 7523).")),
            .init(name: "client_assertion_type", value: ["const": .string(ClientAssertion.type)]),
        ]
    }

    private static var response: JSONValue {
        let types = TokenType.allCases.map { JSONValue.string($0.rawValue) }
        return [
            "type": "object", "required": ["access_token", "issued_token_type", "token_type", "expires_in"],
            "properties": [
                "access_token": text("The credential: a JWS in compact serialization."),
                "issued_token_type": ["type": "string", "enum": .array(types)],
                "token_type": ["type": "string", "enum": ["Bearer", "DPoP", "N_A"]],
                "expires_in": ["type": "integer", "minimum": 1, "description": "Seconds."],
                "scope": text("What was granted."),
                "authorization_details": ["type": "array", "items": reference("ToolInvocation")],
                "receipt": text("A transaction token that says what the credential was issued for."),
            ],
        ]
    }

    private static var error: JSONValue {
        let codes = OAuthError.Code.allCases.map { JSONValue.string($0.rawValue) }
        return [
            "type": "object", "required": ["error"],
            "properties": [
                "error": ["type": "string", "enum": .array(codes)],
                "error_description": text("For developers; never a value of the request."),
            ],
        ]
    }

    private static var invocation: JSONValue {
        [
            "type": "object", "required": ["type", "tool"], "additionalProperties": false,
            "properties": [
                "type": ["const": .string(ToolInvocation.type)], "tool": text("Name of the tool."),
                "actions": list("What it is to do."), "locations": list("Where."),
                "identifier": text("The one object it is about."),
                "arguments_sha256": text("base64url of the SHA-256 of the arguments' RFC 8785 form."),
            ],
        ]
    }

    /// A reference to a schema of the document.
    static func reference(_ name: String) -> JSONValue {
        ["$ref": .string("#/components/schemas/\(name)")]
    }

    private static func text(_ description: String) -> JSONValue {
        ["type": "string", "description": .string(description)]
    }

    private static func list(_ description: String) -> JSONValue {
        ["type": "array", "items": ["type": "string"], "description": .string(description)]
    }
}
