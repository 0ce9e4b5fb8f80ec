import HTTPTypes
import HummingbirdCore
import StrictEncoding

/// Answers the requests of one listener: rate, target, route; then the fields every answer has.
struct ListenerResponder: Sendable {
    private let routes: RouteTable
    private let limits: ListenerLimits
    private let rate: RateLimit?
    private let metrics: ListenerMetrics
    private let environment: ListenerEnvironment
    private let date: HTTPDate
    private let refusals: RefusalLog
    private let authorities: @Sendable () -> ClientAuthorities?

    private static let requestIDField = HTTPField.Name("X-Request-Id")
    private static let hostField = HTTPField.Name("Host")

    /// A responder with a rate limit of its own; `authorities` gives those in force for clients' certificates.
    init(
        _ routes: RouteTable, limits: ListenerLimits, metrics: ListenerMetrics, environment: ListenerEnvironment,
        authorities: @escaping @Sendable () -> ClientAuthorities?
    ) {
        self.routes = routes
        self.limits = limits
        self.metrics = metrics
        self.environment = environment
        self.authorities = authorities
        rate = RateLimit(limits)
        date = HTTPDate()
        refusals = RefusalLog(environment.logger)
    }

    /// The answer to one request; errors are answers too.
    func respond(to request: Request, over connection: ClientConnection) async -> Response {
        let started = ContinuousClock.now
        let context = GatewayRequestContext(
            requestID: environment.newRequestID(), peer: connection.peer, remoteAddress: connection.remoteAddress,
            deadline: started + limits.requestTimeout, requestBytes: limits.requestBytes)
        var route = "none"
        var response: Response
        do {
            response = try await answer(request, context, connection, &route)
        } catch {
            response = error.response
            // Nothing else knows the id that the answer has.
            refusals.refused(
                "refused a request", requestID: context.requestID, code: "\(error.status)", reason: error.explanation)
        }
        if let name = Self.requestIDField { response.headers[name] = context.requestID }
        response.headers[.date] = date.string(environment.now())
        metrics.request(route: route, status: response.status.code, took: .now - started)
        guard request.method == .head else { return response }
        // RFC 9110 section 9.3.2: the header of the GET answer, its length included, and no body.
        return Response(status: response.status, headers: response.headers)
    }

    private func answer(
        _ request: Request, _ context: GatewayRequestContext, _ connection: ClientConnection, _ route: inout String
    ) async throws(Refusal) -> Response {
        let client =
            context.peer.map { RateLimit.Client.certificate(thumbprint: $0.thumbprint) } ?? .network(connection.party)
        if let wait = rate?.take(client, at: .now) { throw .tooManyRequests(wait) }
        if connection.isVerified(otherThanBy: authorities()) { throw .authoritiesChanged }
        // RFC 9112 section 3.2. The first field has become the request's authority: one that is left is another.
        if let name = Self.hostField, request.headers[name] != nil { throw .severalHosts }
        // A target that is a route to the letter has nothing to be checked.
        let path: String
        if let target = request.head.path, routes.contains(target) {
            (path, route) = (target, target)
        } else {
            path = try RequestTarget.path(of: request.head.path)
            if routes.contains(path) { route = path }
        }
        return try await routes.handler(path, request.method)(request, context)
    }
}
