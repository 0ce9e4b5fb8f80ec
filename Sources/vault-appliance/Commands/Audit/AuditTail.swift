import ArgumentParser
import AuditLog
import StrictEncoding

/// `audit tail`: the newest entries, and those to come.
struct AuditTail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Show entries of the log, the newest last.",
        discussion: """
            Verifies nothing: what audit verify has not seen yet may not be signed. --follow waits for more. An entry that a \
            newer version wrote, so that this one cannot read it, is shown as it stands, and counted: by kind and time it is \
            held against the filters, by nothing else.
            """)

    @OptionGroup var log: LogOption
    @OptionGroup var filters: FilterOptions
    @Option(name: .shortAndLong, help: "How many entries of those that match; 0 for all.") var number = 20
    @Flag(name: .shortAndLong, help: "Wait for more; end with Ctrl-C.") var follow = false
    @Flag(help: "Print one JSON object a line.") var json = false

    func run() async throws {
        let filter = filters.filter
        var last: [(index: UInt64, bytes: [UInt8])] = []
        var (shard, next): (UInt64, UInt64) = (1, 0)
        var unread = 0
        try log.series.forEach { (number, index, bytes) throws(AuditLogError) in
            (shard, next) = (number, index + 1)
            let answer = filter.answer(bytes)
            guard answer != .unwanted else { return }
            if answer == .unread { unread += 1 }
            if number != 0, self.number == 0 { return try show(index, bytes) }
            last.append((index, bytes))
            if last.count > 2 * self.number { last.removeFirst(self.number) }
        }
        for (index, bytes) in last.suffix(number) { try show(index, bytes) }
        NewerEntries.note(unread, "each is shown as it stands")
        try PrunedShards(in: log.series).note()
        if follow { try await wait(shard: shard, next: next, filter) }
    }

    private func wait(shard: UInt64, next: UInt64, _ filter: EntryFilter) async throws {
        var (shard, next) = (shard, next)
        while true {
            try await Task.sleep(for: .milliseconds(300))
            for (number, directory) in try log.series.shards() where number >= shard {
                if number > shard { (shard, next) = (number, 0) }
                next = try LogReader(directory: directory).forEach(in: next..<UInt64.max) {
                    (index, bytes) throws(AuditLogError) in
                    if filter.answer(bytes) != .unwanted { try show(index, bytes) }
                }
            }
        }
    }

    private func show(_ index: UInt64, _ bytes: [UInt8]) throws(AuditLogError) {
        guard !json else {
            return print(String(decoding: try LogSeries.line(index: index, bytes: bytes, proof: nil), as: UTF8.self))
        }
        guard let entry = try? Entry(jsonBytes: bytes) else {
            return print(String(decoding: bytes, as: UTF8.self).visible)
        }
        print(EntryText(entry, index: index).line)
    }
}
