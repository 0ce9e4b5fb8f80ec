/// Why the core did not do what was asked; nothing was released.
package struct CoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of refusal it is; the raw value travels on the socket.
    package enum Code: String, Sendable, CaseIterable {
        /// The core holds no PIN: custodians have to activate it.
        case sealed
        /// The HSM cannot do it within the caller's patience; `retryAfter` says when it could.
        case saturated
        /// The gate found the signing input or its entry outside the key's profile.
        case refused
        /// Somebody or something in it is cut off for now.
        case cutOff
        /// The manifest names no such key, or its state or purpose forbids this use.
        case unknownKey
        /// The audit log cannot take the entry.
        case logUnavailable
        /// The HSM failed, or its signature did not verify.
        case hsmUnavailable
        /// The socket to the core is down.
        case unreachable
        /// A frame could not be read.
        case malformed
    }

    /// What kind of refusal it is.
    package let code: Code
    /// For the log and for operators, in our own words; never a value from a request.
    package let reason: String
    /// Seconds after which another try has a chance; nil when nobody knows.
    package let retryAfter: Int?

    /// A refusal.
    package init(_ code: Code, _ reason: String, retryAfter: Int? = nil) {
        self.code = code
        self.reason = reason
        self.retryAfter = retryAfter
    }

    /// Refusals are equal when their codes are.
    package static func == (left: CoreError, right: CoreError) -> Bool { left.code == right.code }

    package var description: String { "\(code.rawValue): \(reason)" }
}

extension CoreError {
    /// The reason when the core was reached, and went away before it answered.
    package static let connectionBroke = "the connection to the core broke before it answered"
}
