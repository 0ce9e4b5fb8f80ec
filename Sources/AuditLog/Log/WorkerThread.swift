import Glibc

/// A thread of its own for work that blocks: the log's commits and tiles never run in the cooperative pool.
enum WorkerThread {
    /// Carries the work over the C boundary.
    private final class Work {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// Starts a detached thread; whoever needs to know of its end is told by `body`.
    static func start(_ body: sending @escaping () -> Void) throws(AuditLogError) {
        var thread = pthread_t()
        // Safety: one retain for the thread, taken over below, or given back here when there is no thread.
        let work = unsafe Unmanaged.passRetained(Work(body))
        let failure = unsafe pthread_create(
            &thread, nil,
            { context in
                // Safety: the context is the retained Work this thread was made with.
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        guard failure == 0 else {
            // Safety: no thread was made, so nobody else will release it.
            unsafe work.release()
            throw AuditLogError(.system, "pthread_create failed (\(failure))")
        }
        pthread_detach(thread)
    }
}
