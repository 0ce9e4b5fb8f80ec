/// What the lanes have done since they were started.
struct LaneCounters: Sendable {
    var signatures: UInt64 = 0
    var refused: UInt64 = 0
    var expired: UInt64 = 0
    var hung: UInt64 = 0

    mutating func add(_ conclusion: LaneScheduler<Job>.Conclusion, isSignature: Bool) {
        if conclusion == .late { expired += 1 }
        if conclusion == .owed && isSignature { signatures += 1 }
    }
}
