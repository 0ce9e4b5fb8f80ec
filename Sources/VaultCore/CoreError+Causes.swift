import AuditLog
import CoreProtocol
import HSMBridge

extension CoreError {
    /// What the front learns of a failure of the token.
    init(_ error: HSMError) {
        let retryAfter = error.retryAfterMilliseconds.map { Int(clamping: ($0 + 999) / 1000) }
        switch error.code {
        case .saturated, .deadlineExceeded: self.init(.saturated, "hsm: \(error)", retryAfter: retryAfter ?? 1)
        case .sealed: self.init(.sealed, "hsm: \(error)")
        case .undecryptable: self.init(.refused, "secret: \(error)")
        default: self.init(.hsmUnavailable, "hsm: \(error)", retryAfter: retryAfter)
        }
    }

    /// What the front learns of a failure of the log.
    init(_ error: AuditLogError) {
        switch error.code {
        case .invalidEntry: self.init(.malformed, "log: \(error)")
        case .saturated: self.init(.saturated, "log: \(error)", retryAfter: 1)
        default: self.init(.logUnavailable, "log: \(error)")
        }
    }
}
