import Minting
package import StrictEncoding

/// What the gateway and the public listener offer, for people's tools: served at `/openapi.json`.
///
/// Source: OpenAPI Specification 3.1.1. Names, codes and types are those of the code itself; a test compares the paths
/// with the route tables.
package struct OpenAPIDocument: Sendable {
    /// Its path on the public listener.
    package static let path = "/openapi.json"

    private let gatewayURL: String
    private let publicURL: String

    /// A document for one appliance, by the external addresses of its listeners.
    package init(gatewayURL: String, publicURL: String) {
        self.gatewayURL = gatewayURL
        self.publicURL = publicURL
    }

    /// The document.
    package var json: JSONValue {
        var paths: [JSONObject.Member] = []
        for path in ["/oauth2/token", "/token"] {
            paths.append(
                .init(name: path, value: ["servers": [server(gatewayURL)], "post": TokenOperation.json(path)]))
        }
        for (path, operation) in TokenStateOperations.all {
            paths.append(.init(name: path, value: ["servers": [server(gatewayURL)], "post": operation]))
        }
        for path in RouteTable.documentPaths {
            let get: JSONValue = [
                "operationId": .string(Self.identifier(path)), "summary": .string(Self.summary(path)),
                "responses": [
                    "200": Self.answer("The document.", ["type": "object"]),
                    "304": ["description": "It has not changed (If-None-Match).", "headers": Self.headers()],
                    "503": ["description": "Not ready yet.", "headers": Self.headers("Retry-After")],
                ],
            ]
            paths.append(.init(name: path, value: ["servers": [server(publicURL)], "get": get]))
        }
        return [
            "openapi": "3.1.1",
            "info": [
                "title": "Vault appliance", "version": "1",
                "summary": "Narrow, short-lived credentials for one operation, signed in an HSM (RFC 8693).",
                "license": ["name": "Apache License 2.0", "identifier": "Apache-2.0"],
            ],
            "servers": [server(gatewayURL)], "paths": .object(JSONObject(paths)),
            "components": [
                "schemas": .object(JSONObject(TokenOperation.schemas)), "headers": Self.headerObjects,
                "securitySchemes": [
                    "tls_client_auth": [
                        "type": "mutualTLS", "description": "The certificate of a configured client (RFC 8705).",
                    ],
                    // OpenAPI has no type for a client's assertion; this is the one whose metadata says how it is made.
                    "private_key_jwt": [
                        "type": "openIdConnect",
                        "openIdConnectUrl": .string(publicURL + ServerMetadata.openIDConfigurationPath),
                        "description":
                            "client_assertion and client_assertion_type in the form: a JWT signed by the client's key (RFC 7523).",
                    ],
                ],
            ],
        ]
    }

    /// An answer with a JSON body.
    static func answer(_ description: String, _ schema: JSONValue, headers names: String...) -> JSONValue {
        [
            "description": .string(description), "headers": headers(names),
            "content": ["application/json": ["schema": schema]],
        ]
    }

    /// What a client proves itself by, at every operation of the gateway listener.
    static let security: JSONValue = [["tls_client_auth": []], ["private_key_jwt": []]]

    /// References to header fields of an answer, beside the request's id, which every answer has.
    static func headers(_ names: String...) -> JSONValue { headers(names) }

    private static func headers(_ names: [String]) -> JSONValue {
        .object(
            JSONObject(
                (["X-Request-Id"] + names).map {
                    .init(name: $0, value: ["$ref": .string("#/components/headers/\($0)")])
                }))
    }

    private static var headerObjects: JSONValue {
        func field(_ type: String, _ description: String) -> JSONValue {
            ["description": .string(description), "schema": ["type": .string(type)]]
        }
        return [
            "X-Request-Id": field("string", "Names the request in our logs."),
            "X-Audit-Leaf": field("integer", "Index of the audit log entry that records what was done."),
            "Retry-After": field("integer", "Seconds after which another try has a chance (RFC 9110 section 10.2.3)."),
            "DPoP-Nonce": field("string", "For the next proof, where the request had one (RFC 9449 section 8)."),
            "WWW-Authenticate": field(
                "string", "A challenge (RFC 9110 section 11.6.1); no Authorization proves a client."),
        ]
    }

    private func server(_ url: String) -> JSONValue { ["url": .string(url)] }

    private static func identifier(_ path: String) -> String {
        String(path.split(separator: "/").last ?? "").replacing(".", with: "-")
    }

    private static func summary(_ path: String) -> String {
        switch path {
        case ServerMetadata.authorizationServerPath: "Authorization server metadata (RFC 8414)"
        case ServerMetadata.openIDConfigurationPath: "What federations read (OpenID Connect Discovery 1.0)"
        case Self.path: "This document"
        default: "The public keys of what is signed here (RFC 7517)"
        }
    }
}
