import Minting
import StrictEncoding
import Synchronization

/// What verifiers fetch: key set, metadata (RFC 8414, OpenID Connect Discovery 1.0) and OpenAPI document.
package final class PublicDocuments: Sendable {
    private let keys: KeyDirectory
    private let server: ServerMetadata
    private let fixed: [String: StaticDocument]
    /// Labels of the keys that sign federation tokens.
    private let federationKeys: @Sendable () -> Set<String>
    /// The discovery document, made anew when other algorithms are in use.
    private let discovery = Mutex<(algorithms: [JWSAlgorithm], document: StaticDocument)?>(nil)

    /// The documents of a configuration; what follows from the keys follows the core.
    package convenience init(configuration: Configuration, keys: KeyDirectory) {
        let labels = Set(configuration.targets.filter { $0.kind == .federation }.map(\.key))
        self.init(configuration: configuration, keys: keys, federationKeys: { labels })
    }

    /// The same with targets that may change.
    init(configuration: Configuration, keys: KeyDirectory, federationKeys: @escaping @Sendable () -> Set<String>) {
        self.keys = keys
        self.federationKeys = federationKeys
        server = ServerMetadata(
            issuer: configuration.issuer,
            tokenEndpoint: configuration.listeners.gateway.externalURL + "/oauth2/token",
            introspectionEndpoint: configuration.listeners.gateway.externalURL + RouteTable.introspectionPath,
            revocationEndpoint: configuration.listeners.gateway.externalURL + RouteTable.revocationPath,
            jwksURI: configuration.listeners.public.externalURL + "/.well-known/jwks.json")
        fixed = [
            ServerMetadata.authorizationServerPath: StaticDocument(
                json: JSONWriter.compact(.object(server.authorizationServer))),
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
        switch path {
        case "/.well-known/jwks.json": keys.jwks
        case ServerMetadata.openIDConfigurationPath: openIDConfiguration
        default: fixed[path]
        }
    }

    /// Without a federation target, whoever reads this looks for the algorithms of whatever is signed here.
    private var openIDConfiguration: StaticDocument {
        let labels = federationKeys()
        let algorithms = keys.algorithms(labels: labels.isEmpty ? nil : labels)
        return discovery.withLock { known in
            if let known, known.algorithms == algorithms { return known.document }
            let document = StaticDocument(
                json: JSONWriter.compact(.object(server.openIDConfiguration(algorithms: algorithms))))
            known = (algorithms, document)
            return document
        }
    }
}
