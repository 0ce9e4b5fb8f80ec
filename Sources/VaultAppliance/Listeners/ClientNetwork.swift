import NIOCore

/// Who counts as one remote party: an IPv4 address, or the /64 of an IPv6 address.
///
/// A single IPv6 host is given a /64, so counting whole addresses would limit nobody.
struct ClientNetwork: Sendable, Hashable {
    private let bits: UInt64
    private let isIPv6: Bool

    /// The network of a socket address; all Unix domain sockets are one party.
    init(_ address: SocketAddress?) {
        let bytes = address.map(Self.rawAddress) ?? []
        // RFC 4291 section 2.5.5.2: an IPv4 client of a socket that serves both families.
        let isMapped = bytes.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
        isIPv6 = bytes.count == 16 && !isMapped
        bits = (isMapped ? bytes.suffix(4) : bytes.prefix(8)).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The 4 or 16 bytes of an IP address, behind family and port (and flow) in the socket address.
    private static func rawAddress(_ address: SocketAddress) -> [UInt8] {
        // Safety: copies out of the buffer that withSockAddr keeps alive for the closure, within the length it gives.
        let bytes = unsafe address.withSockAddr { pointer, length in
            unsafe Array(UnsafeRawBufferPointer(start: pointer, count: length))
        }
        return switch address {
        case .v4: Array(bytes.dropFirst(4).prefix(4))
        case .v6: Array(bytes.dropFirst(8).prefix(16))
        case .unixDomainSocket: []
        }
    }
}
