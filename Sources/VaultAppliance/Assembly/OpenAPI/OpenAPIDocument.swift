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
                    "304": ["description": "It has not changed (If-None-Match)."],
                    "503": ["description": "Not ready yet."],
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
                "schemas": .object(JSONObject(TokenOperation.schemas)),
                "securitySchemes": [
                    "tls_client_auth": [
                        "type": "mutualTLS", "description": "The certificate of a configured client (RFC 8705).",
                    ]
                ],
            ],
        ]
    }

    /// An answer with a JSON body.
    static func answer(_ description: String, _ schema: JSONValue) -> JSONValue {
        ["description": .string(description), "content": ["application/json": ["schema": schema]]]
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
