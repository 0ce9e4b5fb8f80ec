import Histogram
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOTLS
import VaultAppliance

/// A closed-loop run: N connections, each with one request in flight, for a while.
struct LoadRun {
    /// What a run measured.
    struct Outcome {
        var seconds: Double
        /// Answers by HTTP status; 0 counts broken connections.
        var statuses: [UInt: Int] = [:]
        /// Latency of the answers with status 200, in nanoseconds.
        var latency = Histogram<UInt32>(highestTrackableValue: 60_000_000_000, numberOfSignificantValueDigits: .three)

        /// Processor time of the load itself.
        var clientNanoseconds: Int64 = 0

        var rate: Double { Double(statuses[200] ?? 0) / seconds }

        mutating func add(_ sample: LoadConnection.Sample) {
            statuses[sample.status, default: 0] += 1
            if sample.status == 200 { latency.record(UInt64(max(1, sample.nanoseconds))) }
        }
    }

    var host: String
    var port: Int
    var tls: TLSConfiguration
    var connections: Int
    var duration: TimeAmount
    /// Requests to send, in turn.
    var requests: [LoadRequest]

    /// Runs on one event loop, so that the load generator takes one core at the most.
    func run() async throws -> Outcome {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let context = try NIOSSLContext(configuration: tls)
        let idle = try await loop.submit { ProcessorTime.thread }.get()
        let started = NIODeadline.now()
        let deadline = started + duration
        let requests = requests
        let shared = try await loop.submit {
            NIOLoopBound(Shared(requests: requests, deadline: deadline), eventLoop: loop)
        }.get()
        let host = host
        let bootstrap = ClientBootstrap(group: group).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let shared = shared.value
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHandler(
                    NIOSSLClientHandler(context: context, serverHostname: host.isAddress ? nil : host))
                try pipeline.addHTTPClientHandlers()
                try pipeline.addHandler(
                    LoadConnection(nextRequest: { shared.next() }, onSample: { shared.add($0) }))
            }
        }
        var channels: [any Channel] = []
        for _ in 0..<connections { channels.append(try await bootstrap.connect(host: host, port: port).get()) }
        for channel in channels { try? await channel.closeFuture.get() }
        let seconds = Double((NIODeadline.now() - started).nanoseconds) / 1e9
        var outcome = try await loop.submit { shared.value.outcome }.get()
        outcome.seconds = seconds
        outcome.clientNanoseconds = try await loop.submit { ProcessorTime.thread }.get() - idle
        try await group.shutdownGracefully()
        return outcome
    }

    /// A port of 127.0.0.1 that nobody listens on.
    static func freePort() async throws -> Int {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        defer { channel.close(promise: nil) }
        return channel.localAddress?.port ?? 0
    }

    /// What the connections of a run share; lives on their one event loop.
    private final class Shared {
        let requests: [LoadRequest]
        var position = 0
        let deadline: NIODeadline
        var outcome = Outcome(seconds: 0)

        init(requests: [LoadRequest], deadline: NIODeadline) {
            self.requests = requests
            self.deadline = deadline
        }

        func next() -> LoadRequest? {
            guard NIODeadline.now() < deadline else { return nil }
            defer { position += 1 }
            return requests[position % requests.count]
        }

        func add(_ sample: LoadConnection.Sample) { outcome.add(sample) }
    }
}

extension String {
    /// Whether this is an IP address: TLS server names cannot be addresses (RFC 6066 section 3).
    fileprivate var isAddress: Bool { (try? SocketAddress(ipAddress: self, port: 0)) != nil }
}
