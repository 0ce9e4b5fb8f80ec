/// A client that proves itself with signed assertions (RFC 7523 section 2.2), as configured.
package struct AssertionClient: Sendable {
    /// Its `client_id`.
    package let id: String
    /// Its public keys; each is pinned to one algorithm.
    package let keys: any KeySource
    /// How far its clock and ours may differ, in seconds.
    package let clockSkew: Int64
    /// The longest `exp - iat` of its assertions, in seconds.
    package let maximumLifetime: Int64

    /// A client.
    package init(id: String, keys: any KeySource, clockSkew: Int64, maximumLifetime: Int64) {
        self.id = id
        self.keys = keys
        self.clockSkew = clockSkew
        self.maximumLifetime = maximumLifetime
    }
}
