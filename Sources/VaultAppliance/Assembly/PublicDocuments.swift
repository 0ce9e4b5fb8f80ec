import Minting
import StrictEncoding

/// What verifiers fetch: key set and metadata (RFC 8414, OpenID Connect Discovery 1.0).
package struct PublicDocuments: Sendable {
    private let keys: KeyDirectory
    private let metadata: [String: [UInt8]]

    /// The documents of a configuration; the key set follows the core.
    package init(configuration: Configuration, keys: KeyDirectory) {
        self.keys = keys
        let server = ServerMetadata(
            issuer: configuration.issuer,
            tokenEndpoint: configuration.listeners.gateway.externalURL + "/oauth2/token",
            jwksURI: configuration.listeners.public.externalURL + "/.well-known/jwks.json",
            algorithms: [.es256, .rs256, .edDSA, .ps256])
        metadata = [
            ServerMetadata.authorizationServerPath: JSONWriter.compact(.object(server.authorizationServer)),
            ServerMetadata.openIDConfigurationPath: JSONWriter.compact(.object(server.openIDConfiguration)),
        ]
    }

    /// The document at a path of `RouteTable.documentPaths`.
    package func document(_ path: String) -> StaticDocument? {
        if path == "/.well-known/jwks.json" { return StaticDocument(json: JSONWriter.compact(keys.jwks)) }
        return metadata[path].map { StaticDocument(json: $0) }
    }
}
