package import NIOCore

/// Runs tasks on an event loop: what a loop's channels wake goes on there and then, without a change of threads.
///
/// For work that is short and waits often, as a request is. A task that blocks would block every connection of the loop.
package final class EventLoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    /// An executor on one loop, which must outlive its tasks.
    package init(_ loop: any EventLoop) { self.loop = loop }

    /// Runs a job in the loop's next turn.
    package func enqueue(_ job: consuming ExecutorJob) {
        // Safety: the job is run exactly once, by this closure; a loop runs whatever it has accepted.
        let job = UnownedJob(job)
        loop.execute { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
