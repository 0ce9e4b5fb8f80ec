/// Where a listener listens and what it puts up with.
package struct ListenerSettings: Sendable {
    /// A host name or address.
    package var host: String
    /// A port; 0 takes a free one.
    package var port: Int
    /// The limits.
    package var limits: ListenerLimits

    /// Settings for one listener.
    package init(host: String, port: Int, limits: ListenerLimits = ListenerLimits()) {
        self.host = host
        self.port = port
        self.limits = limits
    }
}

/// What a listener allows; beyond it connections are closed and requests refused.
package struct ListenerLimits: Sendable {
    /// Open connections.
    package var connections = 1024
    /// Open connections of one IPv4 address or IPv6 /64.
    package var connectionsPerAddress = 256
    /// TLS handshakes going on; each one may hold a place in a lane of the HSM.
    package var handshakes = 128
    /// The same of one IPv4 address or IPv6 /64.
    package var handshakesPerAddress = 64
    /// From the first packet of a connection to the end of its handshake.
    package var handshakeTimeout = Duration.seconds(5)
    /// How long a connection may do nothing; bounds slow headers too.
    package var idleTimeout = Duration.seconds(60)
    /// From a request's header to the last byte of its answer.
    package var requestTimeout = Duration.seconds(10)
    /// Bytes of a request's body.
    package var requestBytes = 65_536
    /// Bytes of a request's header, names and values together.
    package var headerBytes = 16_384
    /// Fields of a request's header.
    package var headerFields = 64
    /// Requests a second of one client certificate, or of one address without; 0 sets no limit.
    package var requestsPerSecond = 0
    /// Requests a client that was quiet may send at once; at least one.
    package var burst = 64
    /// Clients whose rate is remembered; those beyond share one allowance.
    package var rememberedClients = 4096

    /// The defaults.
    package init() {}
}
