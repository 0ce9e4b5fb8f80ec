/// What a client assertion says that has been verified: who the client is, and by what name it can be used once.
package struct ClientAssertion: Sendable, Equatable {
    /// The only value of `client_assertion_type` there is (RFC 7523 section 2.2).
    package static let type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    /// The longest assertion in bytes.
    package static let maximumLength = 8192

    /// The client: `iss` and `sub`.
    package let clientID: String
    /// `jti`.
    package let jti: String
    /// `iat`, in seconds since 1970.
    package let issuedAt: Int64
    /// The last second in which it would be accepted: `exp` and the client's clock skew.
    package let acceptableUntil: Int64
}
