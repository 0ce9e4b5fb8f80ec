extension LaneScheduler {
    /// Bounds of the queue and shares of lane time.
    struct Limits: Sendable {
        /// Places for minting; handshakes have a quarter as many of their own.
        var capacity = 1024
        /// Places beyond them for upkeep.
        var upkeepPlaces = 16
        /// Handshakes' share of lane time while minting waits.
        var tlsShare = 0.2
        /// Of the time that a caller has, so much is kept free for those who come back when they were told to.
        var reserve = 0.15
        /// Times to come back are told in whole steps of so many nanoseconds.
        var step = Appointments.second
    }

    /// Why work is not let in.
    enum Refusal: Equatable, Sendable {
        /// The deadline has passed.
        case expired
        /// The deadline cannot be met; after so many nanoseconds it could be.
        ///
        /// For an entry that names its turn that is a promise, whatever else comes; else it is true if nothing else comes.
        case saturated(retryAfter: Int64)
        /// It must be alone, and a call hangs.
        case besideHang
        /// The scheduler was stopped.
        case stopped
    }

    /// What a lane does next.
    enum Assignment: Sendable {
        case run(Work)
        /// Too late for this one: tell its caller, and ask again.
        case drop(Work)
        /// Nothing to do: wait to be woken.
        case park
        /// The lane is not wanted any more.
        case leave
    }

    struct Running: Sendable {
        let entry: Entry
        let started: Int64
        /// When a call of it last returned.
        var heard: Int64
        /// False once the caller was told that the deadline passed.
        var isOwed: Bool
        /// What was added to the shares when it began, since minting and handshakes both waited; nil otherwise.
        let charged: Double?
    }

    /// What becomes of a piece of work that a lane has finished.
    enum Conclusion: Equatable, Sendable {
        /// Its caller is waiting for the result.
        case owed
        /// The deadline passed just now; its caller is waiting to be told.
        case late
        /// Its caller was told before that the deadline passed.
        case told
        /// The lane was written off, and its caller told.
        case writtenOff
    }

    enum LaneState: Sendable {
        /// Opening its session since then.
        case starting(since: Int64)
        /// Between two pieces of work.
        case free
        case idle
        /// Told to come and look for work.
        case waking
        case busy(Running)
        /// Did not return in time, and has not returned since.
        case writtenOff
    }
}
