import ArgumentParser
import Logging
import NIOPosix
import ServiceLifecycle
import UnixSignals
import VaultAppliance
import VaultCore

/// `serve`: the process that faces the network.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the front: listeners, token exchange, metadata. It needs a running core to answer.",
        discussion: "SIGHUP loads policy, issuers, clients, targets and certificates anew; a bad file changes nothing.")

    @OptionGroup var options: ConfigurationOption

    func run() async throws {
        try ProcessHygiene.apply()
        let logger = Log.bootstrap("front")
        let source = try ConfigurationBundle.load(file: options.config, parsesKeys: true)
        let group = MultiThreadedEventLoopGroup.singleton
        let front = try Front(
            source: source, core: .socket(path: source.configuration.core.frontSocket, group: group), group: group,
            logger: logger, build: Executable.build, clock: systemClock, newJWTID: randomJWTID)
        let services = ServiceGroup(
            configuration: .init(
                services: [.init(service: front)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await services.run()
    }
}
