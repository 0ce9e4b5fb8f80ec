/// What callers who were turned away have been promised: a place at the time they were told to come back.
///
/// A plain table of time slots. Each appointment keeps so much lane time free when it falls due, so callers are told
/// different times, spread over the backlog, and whoever comes without one is let in only where all of them can still be
/// kept. Times are nanoseconds of the caller's clock; amounts are lane time, and `pace` says how much time the lanes
/// together need for one unit of it.
struct Appointments: Sendable {
    /// Retry-After has whole seconds (RFC 9110 section 10.2.3).
    static let second: Int64 = 1_000_000_000
    /// How many are kept at once; who is turned away beyond that gets a time that is an estimate.
    static let limit = 4096
    /// How far ahead they reach, in steps.
    private static let horizon = 20

    /// How a caller stands who comes back.
    enum Return: Equatable, Sendable {
        /// The place is there: the appointment is used up.
        case due
        /// So many nanoseconds too soon; the appointment stands.
        case early(Int64)
        /// Has none.
        case unknown
    }

    private struct Slot: Sendable {
        var work = 0.0
        var patience = Double.infinity
    }

    private struct Appointment: Sendable {
        let due: Int64
        let work: Double
    }

    /// The smallest difference between two times that a caller can be told.
    let step: Int64
    private let width: Int64
    private let grace: Int64
    /// Slots from `first` on, in units of `width`.
    private var slots: [Slot] = []
    private var first: Int64 = 0
    private var turns: [UInt64: Appointment] = [:]

    init(step: Int64 = Appointments.second) {
        self.step = step
        width = max(1, step / 16)
        // Who comes too soon is told the rest in whole steps; then there is the way here.
        grace = step + step / 2
    }

    var isEmpty: Bool { turns.isEmpty }

    /// Forgets those whose time is long past: their callers did not come.
    mutating func advance(to now: Int64) {
        guard !turns.isEmpty else { return }
        let oldest = (now - grace) / width
        if oldest > first {
            slots.removeFirst(min(slots.count, Int(clamping: oldest - first)))
            first = oldest
        }
        guard slots.isEmpty || turns.count >= Self.limit else { return }
        turns = turns.filter { $0.value.due / width >= first }
    }

    /// A caller is here; what it was promised is used up if it is due.
    mutating func claim(_ turn: UInt64, now: Int64) -> Return {
        guard let appointment = turns[turn] else { return .unknown }
        guard appointment.due / width >= first else {
            turns[turn] = nil
            return .unknown
        }
        guard appointment.due <= now else { return .early(appointment.due - now) }
        cancel(turn)
        return .due
    }

    /// The caller needs it no more.
    mutating func cancel(_ turn: UInt64) {
        guard let appointment = turns.removeValue(forKey: turn) else { return }
        let index = Int(clamping: appointment.due / width - first)
        if slots.indices.contains(index) { slots[index].work = max(0, slots[index].work - appointment.work) }
    }

    /// Whether all can still be kept if so much work more is let in now, behind a line that takes `level` to clear.
    func allow(_ work: Double, level: Double, pace: Double, now: Int64) -> Bool {
        guard !turns.isEmpty else { return true }
        var level = level + work * pace
        var time = Double(now)
        for (index, slot) in slots.enumerated() where slot.work > 0 {
            let due = max(time, Double(start(index)))
            level = max(0, level - (due - time)) + slot.work * pace
            time = due
            if level > slot.patience { return false }
        }
        return true
    }

    /// Promises a caller the first whole step from now at which there is room for its work, all others being kept; its
    /// line must then take no longer to clear than `patience`, its own work included.
    ///
    /// Nil without a promise, when there are too many or none can be kept within the horizon.
    mutating func make(
        _ turn: UInt64, work: Double, patience: Double, level: Double, pace: Double, now: Int64
    ) -> Int64? {
        guard turn != 0, turns.count < Self.limit, turns[turn] == nil,
            let due = earliest(work * pace, patience: patience, level: level, pace: pace, now: now)
        else { return nil }
        if turns.isEmpty {
            slots.removeAll(keepingCapacity: true)
            first = (now - grace) / width
        }
        let index = Int(due / width - first)
        while slots.count <= index { slots.append(Slot()) }
        slots[index].work += work
        slots[index].patience = min(slots[index].patience, patience)
        turns[turn] = Appointment(due: due, work: work)
        return due - now
    }

    /// One pass over the slots: a candidate is moved on each time it turns out to break an appointment, or to be too early.
    private func earliest(_ own: Double, patience: Double, level: Double, pace: Double, now: Int64) -> Int64? {
        var candidate = 1
        var isPlaced = false
        // What the line takes to clear, without and with the candidate.
        var (without, with) = (level, level)
        var time = Double(now)
        // As coarse as the slots are, so that the same work is not held against the same slot twice.
        func slot(of candidate: Int) -> Double { Double((now + Int64(candidate) * step) / width * width) }
        func place(before end: Double) {
            while !isPlaced, candidate <= Self.horizon, slot(of: candidate) < end {
                let due = max(time, slot(of: candidate))
                let level = max(0, without - (due - time)) + own
                if level <= patience {
                    isPlaced = true
                    with = level
                    without = level - own
                    time = due
                } else {
                    candidate += 1
                }
            }
        }
        for (index, kept) in slots.enumerated() where kept.work > 0 {
            let end = max(time, Double(start(index)))
            place(before: end)
            let passed = end - time
            without = max(0, without - passed) + kept.work * pace
            with = isPlaced ? max(0, with - passed) + kept.work * pace : without
            time = end
            guard isPlaced, with > kept.patience else { continue }
            isPlaced = false
            while slot(of: candidate) <= time { candidate += 1 }
        }
        place(before: .infinity)
        return isPlaced ? now + Int64(candidate) * step : nil
    }

    private func start(_ index: Int) -> Int64 { (first + Int64(index)) * width }
}
