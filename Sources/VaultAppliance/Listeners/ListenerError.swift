/// What kept a listener, its certificate or its key from working; for operators, never for clients.
package struct ListenerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of fault.
    package enum Code: String, Sendable {
        /// A certificate file cannot be read.
        case unreadableFile
        /// A file holds no certificate, or one that is not strict DER.
        case malformedCertificate
        /// The leaf certificate is not for the listener's key.
        case keyMismatch
        /// The certificates of a chain are not in order, the leaf first.
        case brokenChain
        /// The leaf certificate has expired or is not valid yet.
        case outsideValidity
        /// A listener without TLS has an address that is not a loopback address.
        case notLoopback
        /// The address cannot be listened on.
        case cannotListen
        /// The core did not sign for the listener's key.
        case keyFailed
    }

    /// The kind of fault.
    package let code: Code
    /// Which file or listener, and what to do, in our own words.
    package let context: String

    /// A fault of one kind.
    package init(_ code: Code, _ context: String) {
        self.code = code
        self.context = context
    }

    /// Faults are equal when their codes are.
    package static func == (left: ListenerError, right: ListenerError) -> Bool { left.code == right.code }

    /// The code and its context in one line.
    package var description: String { "\(code.rawValue): \(context)" }
}
