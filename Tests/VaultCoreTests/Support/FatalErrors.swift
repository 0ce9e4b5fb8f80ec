package import AuditLog
package import Logging
import Synchronization

/// What a core's `onFatal` was called with.
package final class FatalErrors: Sendable {
    private let errors = Mutex<[AuditLogError]>([])

    /// Nothing yet.
    package init() {}

    /// Remembers an error.
    package func add(_ error: AuditLogError) { errors.withLock { $0.append(error) } }

    /// The errors in their order.
    package var all: [AuditLogError] { errors.withLock { $0 } }
}

extension Logger {
    /// A logger that says nothing.
    package static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
