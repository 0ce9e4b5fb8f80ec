/// A first-in-first-out queue whose front is removed in constant time, and which knows how much of each kind waits.
struct WorkQueue<Work: Sendable>: Sendable {
    /// One piece of work that waits.
    struct Entry: Sendable {
        let work: Work
        let workClass: WorkClass
        let kind: WorkKind
        /// In nanoseconds of the pool's clock.
        let deadline: Int64
        /// How long a lane may be at it before it is written off, in nanoseconds.
        let patience: Int64
        /// No other lane may be at work meanwhile.
        let isExclusive: Bool
        /// Names a caller who may come back with the same request; zero for one who will not be known again.
        var turn: UInt64 = 0
        /// When it was let in or turned away; set by the scheduler.
        var arrived: Int64 = 0
    }

    private var entries: [Entry?] = []
    private var head = 0
    private var counts = [Int](repeating: 0, count: WorkKind.count)

    var count: Int { entries.count - head }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ entry: Entry) {
        entries.append(entry)
        counts[entry.kind.rawValue] += 1
    }

    mutating func popFirst() -> Entry? {
        guard head < entries.count, let entry = entries[head] else { return nil }
        entries[head] = nil
        head += 1
        counts[entry.kind.rawValue] -= 1
        if head == entries.count {
            entries.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64 && head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
        return entry
    }

    /// Takes out what `isGone` says, in order; it is asked once about each.
    mutating func remove(where isGone: (Entry) -> Bool) -> [Entry] {
        guard let first = entries[head...].firstIndex(where: { $0.map(isGone) ?? false }) else { return [] }
        var kept = Array(entries[head..<first])
        var gone: [Entry] = []
        for case let entry? in entries[first...] {
            if gone.isEmpty || isGone(entry) { gone.append(entry) } else { kept.append(entry) }
        }
        entries = kept
        head = 0
        for entry in gone { counts[entry.kind.rawValue] -= 1 }
        return gone
    }

    /// The first in line.
    var front: Entry? { head < entries.count ? entries[head] : nil }

    /// Lane time that all of it will take, prudently reckoned, in nanoseconds.
    func prudentTime(_ estimates: [ServiceEstimate]) -> Double {
        var sum = 0.0
        for kind in 0..<WorkKind.count where counts[kind] > 0 { sum += Double(counts[kind]) * estimates[kind].prudent }
        return sum
    }
}
