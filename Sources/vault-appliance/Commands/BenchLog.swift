import ArgumentParser
import AuditLog
import Foundation
import StrictEncoding

/// `bench log`: the audit log by itself.
struct BenchLog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Measure the audit log: durable appends beside ones that wait for nothing, and a large log.",
        discussion: """
            Needs no HSM; checkpoints are signed in software. `unsynced` writes everything and waits for no disk, `none` \
            writes nothing. The large log is made, opened and verified as a whole. On a machine that has nothing else to do.
            """)

    @Argument(help: "A new directory on the disk to measure; removed at the end.", completion: .directory)
    var directory: String
    @Option(help: "Seconds a measurement.") var seconds = 3
    @Option(help: "Bytes of an entry.") var bytes = 1024
    @Option(help: "Callers that wait for their leaves, for each measurement.") var callers: [Int] = [1, 16, 64, 256]
    @Option(help: "Entries of the large log; 0 makes none.") var entries = 0
    @Flag(help: "Print JSON lines for machines.") var json = false

    func validate() throws {
        guard (1...600).contains(seconds), (200...1500).contains(bytes), callers.allSatisfy((1...4096).contains),
            (0...100_000_000).contains(entries)
        else {
            throw ValidationError(
                "--seconds 1 to 600, --bytes 200 to 1500, --callers 1 to 4096, --entries to 100000000")
        }
    }

    func run() async throws {
        guard !FileManager.default.fileExists(atPath: directory) else {
            throw CommandFailure("\(directory): exists already")
        }
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let benchmark = LogBenchmark(directory: directory, entryBytes: bytes, clock: systemClock)
        if !json { print("disk       callers   entries/s   entries a sync   latency ms") }
        for count in callers {
            for disk in LogBenchmark.Disk.allCases {
                report(disk, count, try await benchmark.append(disk, callers: count, for: .seconds(seconds)))
            }
        }
        if entries > 0 { try await large(benchmark) }
    }

    private func report(_ disk: LogBenchmark.Disk, _ callers: Int, _ figures: LogBenchmark.Appends) {
        let microseconds = figures.latency / .microseconds(1)
        if json {
            Terminal.print(json: [
                "disk": .string(disk.rawValue), "callers": .integer(Int64(callers)),
                "rate": .integer(Int64(figures.rate)), "latency_us": .integer(Int64(microseconds)),
                "leaves_per_sync_hundredths": .integer(Int64(figures.leavesPerSync * 100)),
            ])
        } else {
            let name = disk.rawValue.padding(toLength: 9, withPad: " ", startingAt: 0)
            print(
                name
                    + String(
                        format: "%9d %11.0f %16.1f %12.2f", callers, figures.rate, figures.leavesPerSync,
                        microseconds / 1000))
        }
    }

    private func large(_ benchmark: LogBenchmark) async throws {
        let key = try await benchmark.make(entries: entries) { Terminal.progress("\($0) entries") }
        let (opened, verified) = (try await benchmark.open(key), try benchmark.verify(key))
        if json {
            Terminal.print(json: [
                "entries": .integer(Int64(entries)), "open_us": .integer(Int64(opened / .microseconds(1))),
                "verify_us": .integer(Int64(verified / .microseconds(1))),
            ])
        } else {
            print("a log of \(entries) entries: open in \(opened), verified in \(verified)")
        }
    }
}
