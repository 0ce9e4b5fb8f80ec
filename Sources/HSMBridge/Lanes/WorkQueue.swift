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

    /// Takes out what `isGone` says, in order.
    mutating func remove(where isGone: (Entry) -> Bool) -> [Entry] {
        guard entries[head...].contains(where: { $0.map(isGone) ?? false }) else { return [] }
        let waiting = entries[head...].compactMap(\.self)
        let gone = waiting.filter(isGone)
        entries = waiting.filter { !isGone($0) }
        head = 0
        for entry in gone { counts[entry.kind.rawValue] -= 1 }
        return gone
    }

    /// Lane time that all of it will take, in nanoseconds.
    func expectedTime(_ estimates: [ServiceEstimate]) -> Double {
        var sum = 0.0
        for kind in 0..<WorkKind.count where counts[kind] > 0 { sum += Double(counts[kind]) * estimates[kind].mean }
        return sum
    }
}
