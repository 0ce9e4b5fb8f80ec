import Foundation
import Testing

@testable import AuditLog

/// A suite of its own: the others' time limit is too short for it.
@Suite(.timeLimit(.minutes(60))) struct EveryByteTests {
    /// Takes minutes: for campaigns (docs/development.md).
    @Test(.enabled(if: ProcessInfo.processInfo.environment["AUDIT_EVERY_BYTE"] != nil))
    func everySingleByteOfALogOf600LeavesCounts() async throws {
        let fixture = try TestLog()
        try await fixture.write(600)
        let parts = ProcessInfo.processInfo.activeProcessorCount
        let started = ContinuousClock.now
        let flips = try await withThrowingTaskGroup(of: Int.self) { group in
            for part in 0..<parts {
                let copy = try fixture.copy()
                group.addTask { try Self.flipEach(part, of: parts, in: copy, fixture) }
            }
            return try await group.reduce(0, +)
        }
        print("\(flips) flipped bytes, each found, in \(ContinuousClock.now - started)")
        #expect(flips > 50_000)
        #expect(try fixture.verify().checkpoint.size == 600)
    }

    /// Flips one bit of every byte whose position is this part's, one at a time.
    private static func flipEach(_ part: Int, of parts: Int, in directory: String, _ fixture: TestLog) throws -> Int {
        let files = try TestLog.files(in: directory).filter { $0.hasPrefix("tile/") || $0 == "checkpoint" }
        var flips = 0
        for file in files {
            let path = "\(directory)/\(file)"
            let bytes = try read(path)
            for position in bytes.indices where position % parts == part {
                var flipped = bytes
                flipped[position] ^= 1 << UInt8(position / parts % 8)
                try write(flipped, to: path)
                #expect(throws: AuditLogError.self, "\(file), byte \(position)") { try fixture.verify(directory) }
                flips += 1
            }
            try write(bytes, to: path)
        }
        return flips
    }
}
