import Glibc

/// Processor time used so far, in nanoseconds (clock_gettime(2)): what a measurement counts on a busy machine.
package enum ProcessorTime {
    /// Of the calling thread.
    package static var thread: Int64 { read(CLOCK_THREAD_CPUTIME_ID) }

    /// Of all threads of the process.
    package static var process: Int64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // Safety: clock_gettime writes one timespec into the variable it is given and keeps no pointer.
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
