/// Why a key set could not be fetched; for operators, and in our own words but for a status code.
struct KeySetFetchError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What went wrong.
    enum Code: Sendable, Hashable {
        /// No connection, no TLS that verifies, or no answer in time.
        case unreachable(String)
        /// Another status than 200; redirects are not followed.
        case status(UInt)
        /// `Content-Type` is not that of JSON or of a JWK Set.
        case contentType
        /// More bytes than a set may have.
        case tooLarge
        /// Not a set of keys that can be used.
        case keys(String)
    }

    /// What went wrong.
    let code: Code

    /// An error.
    init(_ code: Code) { self.code = code }

    /// One line for logs and health.
    var description: String {
        switch code {
        case .unreachable(let cause): "not reachable: \(cause)"
        case .status(let status): "answered \(status), not 200; redirects are not followed"
        case .contentType: "the content type is not application/json or application/jwk-set+json"
        case .tooLarge: "the answer is too large"
        case .keys(let problem): "the answer is no usable key set: \(problem)"
        }
    }
}
