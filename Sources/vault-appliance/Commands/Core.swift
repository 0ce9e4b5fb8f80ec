import ArgumentParser
import AuditLog
import CVaultSystem
import Foundation
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

    /// One thread for the sockets: it only takes requests in and puts answers out, and what is handed between fewer
    /// threads waits for fewer of them.
    private static let sockets = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    func run() async throws {
        try ProcessHygiene.apply()
        // A vendor's library may crash: the last line says so, and no runtime prints memory that held a PIN.
        // Safety: the name is copied before the call returns.
        guard unsafe csystem_report_fatal_signals("vault.core") == 0 else {
            throw CommandFailure("fatal signals cannot be reported (errno \(errno)); the process does not start")
        }
        let logger = Log.bootstrap("core")
        let settings = try CoreSettings(loading: options.config)
        let core = try await VaultCore.start(
            settings: settings, logger: logger, clock: systemClock, instance: randomHexadecimal(8),
            serviceManager: ServiceManager(environment: ProcessInfo.processInfo.environment),
            onFatal: { error in
                // A log that failed once can promise nothing more: the process ends, and the restart reads what is there.
                logger.critical("the audit log failed; the core stops", metadata: ["reason": "\(error)"])
                // Not exit(3): its handlers would tear the PKCS#11 library down under the lanes that are inside it.
                _exit(70)
            })
        let services = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: CoreDaemon(core: core, group: Self.sockets, logger: logger))
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do {
            try await services.run()
        } catch CoreEnd.libraryLost {
            logger.critical("the PKCS#11 library has to be initialised again; the core stops, sealed: start it anew")
            _exit(69)
        } catch CoreEnd.sealHangs {
            logger.critical("the core was sealed while a call hung inside the PKCS#11 library; it ends: start it anew")
            _exit(69)
        } catch CoreEnd.callHangs {
            logger.warning("a call hangs inside the PKCS#11 library; the core stops around it")
            _exit(0)
        }
    }
}
