package import Logging
import Synchronization

/// Says in the process's log what was refused, without letting a flood fill it: anybody can make refusals.
///
/// Of each kind the first few in a while have a line of their own, with the request's id; what follows is counted, and the
/// count is one line. The audit log records those that reached a decision (docs/audit.md).
package final class RefusalLog: Sendable {
    private struct Kind: Hashable {
        let message: String
        let code: String
        let reason: String
    }

    private struct Window {
        let end: ContinuousClock.Instant
        var said = 0
        var counted = 0
    }

    /// Lines of a kind in one window.
    static let maximumLines = 5
    /// More kinds at once are counted as one.
    private static let maximumKinds = 256

    private let logger: Logger
    private let window: Duration
    private let windows = Mutex<[Kind: Window]>([:])

    /// A log of refusals that says what it has counted after each `window`.
    package init(_ logger: Logger, window: Duration = .seconds(10)) {
        self.logger = logger
        self.window = window
    }

    /// A request was refused.
    func refused(_ message: String, requestID: String, code: String, reason: String, at level: Logger.Level = .info) {
        let now = ContinuousClock.now
        let (isSaid, ending) = windows.withLock { windows -> (Bool, Kind?) in
            var kind = Kind(message: message, code: code, reason: reason)
            if windows[kind] == nil, windows.count >= Self.maximumKinds {
                kind = Kind(message: message, code: "several", reason: "several")
            }
            let isNew = windows[kind] == nil
            var current = windows[kind] ?? Window(end: now + window)
            let isSaid = current.said < Self.maximumLines
            if isSaid { current.said += 1 } else { current.counted += 1 }
            windows[kind] = current
            return (isSaid, isNew ? kind : nil)
        }
        if isSaid {
            logger.log(
                level: level, "\(message)",
                metadata: ["request_id": "\(requestID)", "code": "\(code)", "reason": "\(reason)"])
        }
        guard let ending else { return }
        Task { [self] in
            try? await Task.sleep(until: now + window, clock: .continuous)
            end(ending, at: level)
        }
    }

    private func end(_ kind: Kind, at level: Logger.Level) {
        let counted = windows.withLock { $0.removeValue(forKey: kind)?.counted ?? 0 }
        guard counted > 0 else { return }
        logger.log(
            level: level, "\(kind.message), and as many more times",
            metadata: ["count": "\(counted)", "code": "\(kind.code)", "reason": "\(kind.reason)"])
    }
}
