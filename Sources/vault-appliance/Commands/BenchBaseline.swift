import ArgumentParser
import Custody
import Foundation
import NIOPosix
import ServiceLifecycle
import UnixSignals
import VaultCore

/// `bench baseline`: mutual TLS, one C_Sign, and nothing else.
struct BenchBaseline: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "baseline",
        abstract: "Serve mutual TLS with one C_Sign a request and nothing else, to hold the appliance's rate against.",
        discussion: """
            Load it with `bench exchange`. It verifies no request, checks no signature and records nothing, so what it \
            signs is never a token. For custody: development alone.
            """)

    @OptionGroup var options: ConfigurationOption
    @Option(help: "Port on 127.0.0.1.") var port: Int
    @Option(help: "File for the certificate that is made for this run (PEM).", completion: .file()) var cert: String
    @Option(help: "CA certificates that vouch for clients (PEM).", completion: .file()) var clientCa: String
    @Option(help: "Algorithm of the key that signs.") var alg = "ES256"
    @Option(help: "Threads that sign; 0 signs nothing: TLS and HTTP alone.") var threads = 2

    func validate() throws {
        guard (0...64).contains(threads) else { throw ValidationError("--threads 0 to 64") }
    }

    func run() async throws {
        try ProcessHygiene.apply()
        let logger = Log.bootstrap("baseline")
        let settings = try CoreSettings(loading: options.config)
        guard settings.custody == "development" else {
            throw CommandFailure("core.custody is \(settings.custody): the baseline is for development custody alone")
        }
        let benchmark = HSMBenchmark(settings: settings)
        guard let signing = try benchmark.keys().first(where: { $0.algorithm == alg }) else {
            throw CommandFailure("the manifest has no active signing key for \(alg)")
        }
        let identity = try BareIdentity(now: systemClock())
        try Data(identity.certificatePEM.utf8).write(to: URL(filePath: cert))
        let server = BareServer(
            port: port, tls: try identity.serverConfiguration(clientAuthorities: clientCa),
            signer: threads == 0 ? nil : try await benchmark.bareSigner(signing, threads: threads),
            group: MultiThreadedEventLoopGroup.singleton, logger: logger)
        try await ServiceGroup(
            configuration: .init(
                services: [.init(service: server)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        ).run()
    }
}
