import ArgumentParser
import AuditLog
import Glibc
import HSMBridge
import Logging
import NIOPosix
import ServiceLifecycle
import UnixSignals
import VaultAppliance
import VaultCore

/// `core`: the process that holds the HSM and the log.
struct Core: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the core: the only process that opens the HSM and writes the audit log.")

    @OptionGroup var options: ConfigurationOption

    func run() async throws {
        try ProcessHygiene.apply()
        let logger = Log.bootstrap("core")
        let settings = try CoreSettings(loading: options.config)
        let core = try await VaultCore.start(
            settings: settings, logger: logger, clock: systemClock, instance: randomHexadecimal(8),
            onFatal: { error in
                // A log that failed once can promise nothing more: the process ends, and the restart reads what is there.
                logger.critical("the audit log failed; the core stops", metadata: ["reason": "\(error)"])
                // Not exit(3): its handlers would tear the PKCS#11 library down under the lanes that are inside it.
                _exit(70)
            })
        let services = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: CoreDaemon(core: core, group: .singletonMultiThreadedEventLoopGroup, logger: logger))
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await services.run()
    }
}
