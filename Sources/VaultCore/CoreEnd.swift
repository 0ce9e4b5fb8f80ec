import HSMBridge

/// Why the core's process has to end in a way of its own.
package enum CoreEnd: Error, Sendable {
    /// The PKCS#11 library has to be initialised again, which only a new process does: everything was refused, drained
    /// and closed, and nothing was finalised under use.
    case libraryLost
    /// The core was told to stop, and a call hangs inside the PKCS#11 library: exit handlers would take it apart under it.
    case callHangs
    /// A call hung inside the PKCS#11 library while the core was sealed: only the end of the process ends the login.
    case sealHangs
}

extension VaultCore {
    /// Whether every PKCS#11 library in use has to be initialised again; while one works, the core does.
    var isLibraryLost: Bool {
        let open = hsms.open
        return !open.isEmpty && open.allSatisfy(\.status.isLibraryLost)
    }

    /// How long a lost library may go unseen.
    private static var interval: Duration { .milliseconds(250) }

    /// Returns when the PKCS#11 library is lost, or when the task is cancelled.
    func untilLibraryIsLost() async {
        while !isLibraryLost, custody?.callHangs != true {
            do { try await Task.sleep(for: Self.interval) } catch { return }
        }
    }
}
