internal import CVaultSystem
internal import Glibc

/// A thread of our own: a call into a token may block, and must never do so on Swift's cooperative pool.
enum DedicatedThread {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a detached thread; the name has at most 15 bytes.
    static func start(_ name: String, _ run: @escaping @Sendable () -> Void) throws(HSMError) {
        // Safety: the thread takes over this reference; when none starts it is released here.
        let body = unsafe Unmanaged.passRetained(Body(name: name, run: run))
        var thread = pthread_t()
        // Safety: the argument is the reference just retained; `thread` is a local that outlives the call.
        let status = unsafe pthread_create(
            &thread, nil,
            { argument in
                // Safety: the argument that `start` gave.
                guard let argument = unsafe argument else { return nil }
                // Safety: the reference that `start` retained, taken over exactly once.
                let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                DedicatedThread.blockSignals()
                // Safety: the name lives through the call.
                unsafe csystem_name_thread(body.name)
                body.run()
                return nil
            }, body.toOpaque())
        guard status == 0 else {
            // Safety: no thread took the reference.
            unsafe body.release()
            throw HSMError(.systemRefused, context: "no thread")
        }
        pthread_detach(thread)
    }

    /// Runs a blocking body on a thread of its own.
    static func run<Answer: Sendable>(
        _ name: String, _ body: @escaping @Sendable () throws(HSMError) -> Answer
    ) async throws(HSMError) -> Answer {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Answer, HSMError>, Never>) in
            do throws(HSMError) {
                try start(name) { continuation.resume(returning: Result { () throws(HSMError) in try body() }) }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    /// Signals are for the threads that wait for them; one that hit a lane would interrupt a module's own calls.
    private static func blockSignals() {
        var signals = sigset_t()
        // Safety: a local, filled here and read by the last call.
        unsafe sigemptyset(&signals)
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD, SIGALRM, SIGUSR1, SIGUSR2, SIGPIPE, SIGWINCH] {
            // Safety: as above.
            unsafe sigaddset(&signals, signal)
        }
        // Safety: as above.
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}
