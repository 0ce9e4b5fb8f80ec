internal import Synchronization

extension Module {
    /// Finalises the library at a path if this process has it loaded and nothing uses it; the next use starts it anew.
    ///
    /// A library like SoftHSM knows tokens and PINs as they were when it started: what another process has changed shows
    /// only then. `moduleInUse` while a session is open.
    package static func release(path: String) async throws(HSMError) {
        try await DedicatedThread.run("hsm-release") { () throws(HSMError) in
            guard let module = try loaded(path: path) else { return }
            try module.shutdown()
        }
    }
}
