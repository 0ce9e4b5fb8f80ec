import Minting
import StrictEncoding

/// What verifiers fetch: key set, metadata (RFC 8414, OpenID Connect Discovery 1.0) and OpenAPI document.
package struct PublicDocuments: Sendable {
    private let keys: KeyDirectory
    private let metadata: [String: StaticDocument]

    /// The documents of a configuration; the key set follows the core.
    package init(configuration: Configuration, keys: KeyDirectory) {
        self.keys = keys
        let server = ServerMetadata(
            issuer: configuration.issuer,
            tokenEndpoint: configuration.listeners.gateway.externalURL + "/oauth2/token",
            introspectionEndpoint: configuration.listeners.gateway.externalURL + RouteTable.introspectionPath,
            revocationEndpoint: configuration.listeners.gateway.externalURL + RouteTable.revocationPath,
            jwksURI: configuration.listeners.public.externalURL + "/.well-known/jwks.json",
            algorithms: [.es256, .rs256, .edDSA, .ps256])
        metadata = [
            ServerMetadata.authorizationServerPath: StaticDocument(
                json: JSONWriter.compact(.object(server.authorizationServer))),
            ServerMetadata.openIDConfigurationPath: StaticDocument(
                json: JSONWriter.compact(.object(server.openIDConfiguration))),
            OpenAPIDocument.path: StaticDocument(
                json: JSONWriter.compact(
                    OpenAPIDocument(
                        gatewayURL: configuration.listeners.gateway.externalURL,
                        publicURL: configuration.listeners.public.externalURL
                    ).json)),
        ]
    }

    /// The document at a path of `RouteTable.documentPaths`.
    package func document(_ path: String) -> StaticDocument? {
        path == "/.well-known/jwks.json" ? keys.jwks : metadata[path]
    }
}
