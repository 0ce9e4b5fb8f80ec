import ArgumentParser
import Glibc
import Logging
import NIOPosix
import ServiceLifecycle
import UnixSignals
import VaultAppliance
import VaultCore

/// `bench one-process`: an appliance without the socket between front and core, for `bench exchange` to load.
struct BenchOneProcess: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "one-process",
        abstract: "Run core and front in one process, to see what the hop between them costs.",
        discussion: """
            Load it with `bench exchange` and hold the rate against that of the two processes. For measuring alone: here \
            whoever breaks into the front holds the HSM's session too, so it runs under custody: development only.
            """)

    @OptionGroup var options: ConfigurationOption

    func run() async throws {
        try ProcessHygiene.apply()
        let logger = Log.bootstrap("one-process")
        let settings = try CoreSettings(loading: options.config)
        guard settings.custody == "development" else {
            throw CommandFailure("core.custody is \(settings.custody): one process is for development custody alone")
        }
        let core = try await VaultCore.start(
            settings: settings, logger: logger, clock: systemClock, instance: randomHexadecimal(8),
            onFatal: { error in
                logger.critical("the audit log failed; the process ends", metadata: ["reason": "\(error)"])
                _exit(70)
            })
        let group = MultiThreadedEventLoopGroup.singleton
        let front = try Front(
            source: try ConfigurationBundle.load(file: options.config), core: .inProcess(core), group: group,
            logger: logger, build: Executable.build, clock: systemClock, newJWTID: randomJWTID)
        let services = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: CoreDaemon(core: core, group: group, logger: logger)), .init(service: front),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await services.run()
    }
}
