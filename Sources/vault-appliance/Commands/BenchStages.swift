import ArgumentParser
import AuditLog
import CoreProtocol
import Custody
import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import StrictEncoding
import VaultAppliance
import VaultCore

/// `bench stages`: where the time of an exchange goes.
struct BenchStages: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stages",
        abstract: "Run each stage of an exchange by itself and print its processor time.",
        discussion: """
            Asks the running core for its keys and opens the token beside it; nothing is signed that could be a token, \
            and nothing is recorded. What an exchange costs beyond the sum is hand-overs between threads, the log's \
            writes and memory.
            """)

    @OptionGroup var options: ConfigurationOption
    @Option(help: "The gateway's certificate chain (PEM).", completion: .file()) var cert: String
    @Option(help: "The gateway's private key (PEM).", completion: .file()) var key: String
    @Option(help: "CA certificates that vouch for the gateway (PEM).", completion: .file()) var ca: String
    @Option(help: "File with one form body a line; the tokens in it must not have expired.", completion: .file())
    var requests: String
    @Option(help: "Times each stage is run for each request.") var rounds = 50
    @Flag(help: "Print JSON for machines.") var json = false

    func run() async throws {
        let source = try ConfigurationBundle.load(file: options.config)
        let bodies = try LoadRequest.bodies(file: requests).prefix(200).map { Array($0.utf8) }
        guard let certificate = try NIOSSLCertificate.fromPEMFile(cert).first else {
            throw CommandFailure("\(cert): holds no certificate")
        }
        let core = try await CoreConnection.connect(
            path: source.configuration.core.frontSocket, group: MultiThreadedEventLoopGroup.singleton)
        let description = try await CoreSession(connection: core).describe()
        core.close()
        let stages = try ExchangeStages(
            source, description: description, certificate: try certificate.toDERBytes(), clock: systemClock,
            newJWTID: randomJWTID)
        let (front, signRequests) = try stages.measure(Array(bodies), rounds: rounds)
        var figures = [try await transport()] + front
        figures.append(
            .init(
                stage: "to the core and back",
                microseconds: try await HopMeasurement(requests: signRequests)
                    .microseconds(calls: rounds * 400)))
        figures += try await coreFigures(signRequests)
        report(figures)
    }

    /// TLS and HTTP of the server alone: a bare server in this process, without the client's share.
    private func transport() async throws -> ExchangeStages.Figure {
        let identity = try BareIdentity(now: systemClock())
        let port = try await LoadRun.freePort()
        let server = BareServer(
            port: port, tls: try identity.serverConfiguration(clientAuthorities: ca), signer: nil,
            group: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() }))
        let serving = Task { try await server.run() }
        defer { serving.cancel() }
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(identity.certificatePEM.utf8)))
        tls.certificateVerification = .noHostnameVerification
        tls.certificateChain = try NIOSSLCertificate.fromPEMFile(cert).map { .certificate($0) }
        tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        let run = LoadRun(
            host: "127.0.0.1", port: port, tls: tls, connections: 16, duration: .seconds(2),
            requests: try LoadRequest.all(file: requests, host: "127.0.0.1", port: port))
        try await Task.sleep(for: .milliseconds(200))
        let start = ProcessorTime.process
        let outcome = try await run.run()
        let spent = Double(ProcessorTime.process - start - outcome.clientNanoseconds)
        return .init(stage: "TLS and HTTP", microseconds: spent / 1000 / Double(max(1, outcome.statuses[200] ?? 1)))
    }

    private func coreFigures(_ requests: [SignRequest]) async throws -> [ExchangeStages.Figure] {
        let benchmark = HSMBenchmark(settings: try CoreSettings(loading: options.config))
        let kid = requests.first?.kid
        guard let signing = try benchmark.keys().first(where: { $0.kid == kid }) else {
            throw CommandFailure("the manifest has no such key any more")
        }
        let clock = ProcessorTime.thread
        for _ in 0..<rounds {
            for request in requests {
                try Gate.check(input: request.input, entry: request.entry, key: signing, now: systemClock())
            }
        }
        let gate = ProcessorTime.thread
        for _ in 0..<rounds { for request in requests { _ = request.entry.canonicalBytes } }
        let entries = ProcessorTime.thread
        let runs = Double(rounds * requests.count) * 1000
        let figures = try await benchmark.measure(signing, lanes: 1, rounds: 3, for: .seconds(1))
        let sign = 1e6 / figures.loop
        return [
            .init(stage: "the gate", microseconds: Double(gate - clock) / runs),
            .init(stage: "the entry written for the log", microseconds: Double(entries - gate) / runs),
            .init(stage: "C_Sign (\(signing.algorithm))", microseconds: sign),
            .init(
                stage: "the host's check of it", microseconds: max(0, 1e6 / figures.bridge - 1e6 / figures.unchecked)),
        ]
    }

    private func report(_ figures: [ExchangeStages.Figure]) {
        if json {
            let object = JSONObject(
                figures.map { .init(name: $0.stage, value: .integer(Int64(($0.microseconds * 1000).rounded()))) })
            return print(String(decoding: JSONWriter.compact(.object(object)), as: UTF8.self))
        }
        print("stage of an exchange                     us")
        for figure in figures {
            print(
                figure.stage.padding(toLength: 36, withPad: " ", startingAt: 0)
                    + String(format: "%7.1f", figure.microseconds))
        }
        let sum = figures.map(\.microseconds).reduce(0, +)
        print("sum, of fresh and of known tokens   " + String(format: "%7.1f", sum))
    }
}
