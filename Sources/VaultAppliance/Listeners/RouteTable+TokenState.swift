import HTTPTypes
import HummingbirdCore
import Minting

extension RouteTable {
    /// Path of introspection (RFC 7662).
    package static let introspectionPath = "/oauth2/introspect"
    /// Path of revocation (RFC 7009).
    package static let revocationPath = "/oauth2/revoke"
    /// Path that security events are pushed to (RFC 8935).
    package static let eventsPath = "/ssf/events"

    /// Adds what becomes of tokens after they were issued.
    package mutating func addTokenState(
        introspect: @escaping @Sendable (GatewayRequest) async -> GatewayResponse,
        revoke: @escaping @Sendable (GatewayRequest) async -> GatewayResponse,
        events: @escaping @Sendable (GatewayRequest) async -> GatewayResponse
    ) {
        form(Self.introspectionPath, handler: introspect)
        form(Self.revocationPath, handler: revoke)
        on(Self.eventsPath, [.post]) { request, context throws(Refusal) in
            // Transmitters read RFC 8935 section 2.3 and no OAuth.
            guard request.uri.query == nil, Self.isEvent(request.headers[.contentType]) else {
                return SecurityEventRefusal.notAnEvent.response.response
            }
            let delivery = GatewayRequest(
                path: Self.eventsPath, bodyBytes: try await Self.body(of: request, upTo: context.requestBytes),
                contentType: request.headers[.contentType], peer: context.peer, requestID: context.requestID,
                remoteAddress: context.remoteAddress, deadline: context.deadline)
            return await events(delivery).response
        }
    }

    /// RFC 8935 section 2.1: the media type has no parameters.
    private static func isEvent(_ contentType: String?) -> Bool {
        contentType?.lowercased() == SecurityEventToken.mediaType
    }
}
