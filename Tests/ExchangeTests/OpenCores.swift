import Dispatch
import Foundation
import Synchronization
import VaultCore

/// Cores to close before the process ends.
///
/// Suites share a core and cannot say when they are done with it. Left open, it may be signing a checkpoint while the exit
/// handlers pull the HSM library from under its lanes.
enum OpenCores {
    private static let cores = Mutex<[VaultCore]>([])

    /// Registered after the library has been loaded, so that this handler runs before the library's own.
    private static let closesAtExit: Bool = atexit { OpenCores.closeAll() } == 0

    static func add(_ core: VaultCore) {
        cores.withLock { $0.append(core) }
        precondition(closesAtExit)
    }

    private static func closeAll() {
        let cores = cores.withLock { $0 }
        let closed = DispatchSemaphore(value: 0)
        Task.detached {
            for core in cores { await core.shutdown() }
            closed.signal()
        }
        _ = closed.wait(timeout: .now() + 10)
    }
}
