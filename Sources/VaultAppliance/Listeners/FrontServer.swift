import ServiceLifecycle

/// The front's three listeners as one service.
///
/// Ops opens at once; gateway and public each when their TLS identity is there. At a graceful shutdown public goes
/// first and ops last, so that health can be asked for to the end.
package struct FrontServer: Service {
    /// Health and metrics.
    package let ops: Listener
    /// The token endpoint.
    package let gateway: Listener
    /// Metadata and keys.
    package let `public`: Listener
    private let environment: ListenerEnvironment

    /// The three listeners.
    package init(ops: Listener, gateway: Listener, public: Listener, environment: ListenerEnvironment) {
        self.ops = ops
        self.gateway = gateway
        self.public = `public`
        self.environment = environment
    }

    /// Runs until graceful shutdown, cancellation, or the first listener that cannot listen.
    package func run() async throws {
        let group = ServiceGroup(
            configuration: .init(services: [ops, gateway, `public`], logger: environment.logger))
        try await group.run()
    }
}
