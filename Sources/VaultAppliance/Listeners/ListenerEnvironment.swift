package import Logging
package import NIOCore
package import StrictEncoding

/// What listeners take from outside: where they run, what they report to, clock and randomness.
package struct ListenerEnvironment: Sendable {
    /// The event loops.
    package var group: any EventLoopGroup
    /// The logger.
    package var logger: Logger
    /// Where the listeners' metrics are registered.
    package var metrics: MetricsRegistry
    /// The wall clock.
    package var now: @Sendable () -> UnixTime
    /// Makes the name of a request.
    package var newRequestID: @Sendable () -> String

    /// An environment by its parts.
    package init(
        group: any EventLoopGroup, logger: Logger, metrics: MetricsRegistry, now: @escaping @Sendable () -> UnixTime,
        newRequestID: @escaping @Sendable () -> String = { RequestID.random() }
    ) {
        self.group = group
        self.logger = logger
        self.metrics = metrics
        self.now = now
        self.newRequestID = newRequestID
    }
}
