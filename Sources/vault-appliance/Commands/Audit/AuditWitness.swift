import ArgumentParser
import AuditLog
import Custody
import Foundation
import Glibc
import Logging
import NIOPosix
import ServiceLifecycle
import UnixSignals
import VaultAppliance

/// `audit witness`: the other side, for other people's logs.
struct AuditWitness: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "witness", abstract: "Witness other people's logs: cosign their checkpoints (C2SP tlog-witness).",
        discussion: """
            A witness remembers the last checkpoint of each log and cosigns only what continues it, so that nobody can be \
            shown two histories, or an older one. Run it on another machine, under another person's hand, than the log.
            """,
        subcommands: [AuditWitnessInit.self, AuditWitnessServe.self])
}

/// Where a witness's key and record are.
struct WitnessDirectory: ParsableArguments {
    @Option(
        help:
            "Directory with the witness's key and record, for its user alone. A lost one is not made anew: take a new name.",
        completion: .directory)
    var state: String
}

/// `audit witness init`: makes key and record.
struct AuditWitnessInit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a witness's key; prints the verifier key that logs and auditors need.")

    @OptionGroup var directory: WitnessDirectory
    @Option(help: "The witness's name, like witness.acme.example/w1.") var name: String

    func run() async throws {
        print(try WitnessSecret.create(in: directory.state, name: name))
    }
}

/// `audit witness serve`: answers `add-checkpoint`.
struct AuditWitnessServe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Answer add-checkpoint over HTTP on a loopback address.",
        discussion: """
            Put a TLS server such as nginx before it for others than this machine. Without the disk to keep its record it \
            cosigns nothing and ends with status 70.
            """)

    @OptionGroup var directory: WitnessDirectory
    @Option(
        help:
            "File with the verifier keys of a log, one a line (its LOG.vkey); may be repeated. Later shards are watched too.",
        completion: .file())
    var log: [String] = []
    @Option(help: "A loopback address.") var host = "127.0.0.1"
    @Option(help: "A port.") var port = 8470

    func validate() throws {
        guard !log.isEmpty else { throw ValidationError("give --log") }
    }

    func run() async throws {
        try ProcessHygiene.apply()
        let logger = Log.bootstrap("witness")
        let secret = try WitnessSecret(reading: directory.state)
        let witness = try Witness.open(
            directory: directory.state, key: secret.key, logs: try log.flatMap { try KeyOptions.keys(in: $0) },
            clock: systemClock, sign: { try secret.sign($0) },
            onFatal: { error in
                logger.critical("the record cannot be kept; the witness stops", metadata: ["reason": "\(error)"])
                _exit(70)
            })
        let listener = try Listener(
            name: "witness", settings: .init(host: host, port: port), transport: .plain, routes: .witness(witness),
            environment: .init(
                group: MultiThreadedEventLoopGroup.singleton, logger: logger, metrics: MetricsRegistry(),
                now: systemClock))
        logger.info("witnessing", metadata: ["key": "\(secret.key)"])
        try await ServiceGroup(
            configuration: .init(
                services: [.init(service: listener)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        ).run()
    }
}
