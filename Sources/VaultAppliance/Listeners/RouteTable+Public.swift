import HTTPTypes
import HummingbirdCore

extension RouteTable {
    /// The paths of the public listener's documents.
    ///
    /// Source: RFC 8414 section 3, OpenID Connect Discovery 1.0 section 4.
    package static let documentPaths = [
        "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/.well-known/jwks.json",
        OpenAPIDocument.path,
    ]

    /// The routes of the public listener; a document that is not there yet is answered with 503.
    package static func `public`(
        documents: @escaping @Sendable (_ path: String) async -> StaticDocument?
    ) -> RouteTable {
        var table = RouteTable()
        for path in documentPaths {
            table.on(path, [.get, .head]) { request, _ throws(Refusal) in
                guard let document = await documents(path) else { throw .notReady }
                return document.response(to: request)
            }
        }
        return table
    }
}
