import HTTPTypes
import HummingbirdCore

/// The routes of a listener: whole paths and the methods each one has.
///
/// A path matches exactly or not at all. A table of a few strings needs no pattern matching, and the same table answers
/// 404 and 405. Where paths are made of names that come and go, one route may have all that are left.
package struct RouteTable: Sendable {
    /// Answers one request.
    typealias Handler = @Sendable (Request, GatewayRequestContext) async throws(Refusal) -> Response

    private struct Route: Sendable {
        let methods: [HTTPRequest.Method]
        let handler: Handler
    }
    private var routes: [String: Route] = [:]
    private var others: Route?

    /// No routes.
    package init() {}

    /// Adds a route for `methods` of `path`.
    mutating func on(_ path: String, _ methods: [HTTPRequest.Method], handler: @escaping Handler) {
        precondition(routes[path] == nil, "one route a path")
        routes[path] = Route(methods: methods, handler: handler)
    }

    /// Adds a route for every other path; its handler decides which of them exist.
    mutating func onOthers(_ methods: [HTTPRequest.Method], handler: @escaping Handler) {
        precondition(others == nil, "one route for others")
        others = Route(methods: methods, handler: handler)
    }

    /// Every path with the names of its methods.
    var methods: [String: Set<String>] { routes.mapValues { Set($0.methods.map(\.rawValue)) } }

    /// Whether there is a route for `path`.
    func contains(_ path: String) -> Bool { routes[path] != nil }

    /// The handler of a request, or why there is none.
    func handler(_ path: String, _ method: HTTPRequest.Method) throws(Refusal) -> Handler {
        guard let route = routes[path] ?? others else { throw .notFound }
        guard route.methods.contains(method) else {
            throw .methodNotAllowed(allowed: route.methods.map(\.rawValue).joined(separator: ", "))
        }
        return route.handler
    }
}
