import ArgumentParser
import Foundation
import Histogram
import NIOCore
import NIOHTTP1
import NIOSSL
import StrictEncoding

/// `bench exchange`: a closed-loop load on the token endpoint.
struct BenchExchange: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exchange", abstract: "Load the token endpoint over keep-alive mTLS connections.",
        discussion: """
            Reads requests, one form body a line, from a file and sends them in turn, each connection one at a time. Exits 1 \
            when any answer is not 200.
            """)

    @Option(help: "Host of the gateway listener.") var host = "127.0.0.1"
    @Option(help: "Port of the gateway listener.") var port: Int
    @Option(help: "CA certificates that vouch for the listener (PEM).", completion: .file()) var ca: String
    @Option(help: "The gateway's certificate chain (PEM).", completion: .file()) var cert: String
    @Option(help: "The gateway's private key (PEM).", completion: .file()) var key: String
    @Option(help: "File with one application/x-www-form-urlencoded body a line.", completion: .file()) var requests:
        String
    @Option(help: "Connections, each with one request in flight.") var connections = 16
    @Option(help: "Seconds of load that count.") var seconds = 10
    @Option(help: "Seconds of load before that do not count.") var warmup = 2
    @Flag(help: "Print JSON for machines.") var json = false

    func validate() throws {
        guard (1...1024).contains(connections), (1...3600).contains(seconds), (0...60).contains(warmup) else {
            throw ValidationError("--connections 1 to 1024, --seconds 1 to 3600, --warmup 0 to 60")
        }
    }

    func run() async throws {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file(ca)
        tls.certificateVerification = .noHostnameVerification
        tls.certificateChain = try NIOSSLCertificate.fromPEMFile(cert).map { .certificate($0) }
        tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        var run = LoadRun(
            host: host, port: port, tls: tls, connections: connections, duration: .seconds(Int64(warmup)),
            requests: try LoadRequest.all(file: requests, host: host, port: port))
        if warmup > 0 { _ = try await run.run() }
        run.duration = .seconds(Int64(seconds))
        let outcome = try await run.run()
        report(outcome)
        guard outcome.statuses.keys.allSatisfy({ $0 == 200 }) else { throw ExitCode.failure }
    }

    private func report(_ outcome: LoadRun.Outcome) {
        func milliseconds(_ percentile: Double) -> Double {
            Double(outcome.latency.valueAtPercentile(percentile)) / 1e6
        }
        if json {
            var object = JSONObject()
            object["rate"] = .integer(Int64(outcome.rate.rounded()))
            for (name, percentile) in [("p50_us", 50.0), ("p95_us", 95), ("p99_us", 99), ("p999_us", 99.9)] {
                object[name] = .integer(Int64(milliseconds(percentile) * 1000))
            }
            object["statuses"] = .object(
                JSONObject(outcome.statuses.map { .init(name: String($0.key), value: .integer(Int64($0.value))) }))
            return print(String(decoding: JSONWriter.canonical(.object(object)), as: UTF8.self))
        }
        let statuses = outcome.statuses.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        print(
            String(
                format: "%8.0f exchanges/s  p50 %.2f  p95 %.2f  p99 %.2f  p99.9 %.2f ms  (%d connections; %@)",
                outcome.rate,
                milliseconds(50), milliseconds(95), milliseconds(99), milliseconds(99.9), connections,
                statuses.joined(separator: ", ")))
    }
}
