internal import Glibc

/// What one measurement came to.
package struct SignatureRate: Sendable {
    /// Signatures a second.
    package let perSecond: Double
    /// Processor time of this process for each, in seconds; a token that is software has its own in it.
    package let processorTime: Double

    /// A clock that stands still while others have the processor.
    struct Start {
        private let wall = ContinuousClock.now
        private let processor = SignatureRate.processorSeconds()

        /// The rate of so many signatures since.
        func rate(of count: Int) -> SignatureRate {
            let signatures = Double(max(1, count))
            return SignatureRate(
                perSecond: Double(count) / ((ContinuousClock.now - wall) / .seconds(1)),
                processorTime: (SignatureRate.processorSeconds() - processor) / signatures)
        }
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        // Safety: a local that outlives the call.
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
