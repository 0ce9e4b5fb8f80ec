extension Duration {
    /// Whole nanoseconds; a duration beyond 290 years is as good as for ever.
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, isTooLarge) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return isTooLarge ? (seconds < 0 ? .min : .max) : product + attoseconds / 1_000_000_000
    }
}
