import Foundation
import StrictEncoding
import Testing

@testable import AuditLog

/// What a SIEM gets.
@Suite(.timeLimit(.minutes(2))) struct LogExportTests {
    private func lines(
        _ fixture: TestLog, _ export: LogExport, onLine: () -> Void = {}
    ) throws -> (entries: [JSONObject], notes: [JSONObject], outcome: LogExport.Outcome) {
        var lines: [JSONObject] = []
        let outcome = try export.write(LogSeries(directory: fixture.directory)) { line in
            if let object = (try? JSONParser.parse(line))?.object { lines.append(object) }
            onLine()
        }
        return (lines.filter { $0["entry"] != nil }, lines.filter { $0["entry"] == nil }, outcome)
    }

    private var withProofs: LogExport {
        var export = LogExport()
        export.hasProofs = true
        return export
    }

    @Test func theProofsLeadToTheCheckpointThatFollowsThemHoweverTheLogGrows() async throws {
        let fixture = try TestLog()
        try await fixture.write(300)
        // While the export runs, the log is written: the file that is read again is another one by then.
        let other = try TestLog()
        try await other.write(301)
        let grown = try read(other.directory + "/checkpoint")
        var written = 0
        let (entries, notes, _) = try lines(fixture, withProofs) {
            if written == 0 { try? write(grown, to: fixture.directory + "/checkpoint") }
            written += 1
        }
        let text = try #require(notes.first?["checkpoint"]?.string)
        let checkpoint = try Checkpoint(text: SignedNote(parsing: Array(text.utf8)).text)
        #expect(entries.count == 300 && checkpoint.size == 300)
        for line in entries {
            let index = try #require(line["index"]?.integer)
            let entry = JSONWriter.canonical(try #require(line["entry"]))
            let path = try #require(line["proof"]?.strings).compactMap { StandardBase64.decode($0.utf8) }
            let root = MerkleProof.root(
                leaf: .leaf(entry[...]), index: UInt64(index), size: checkpoint.size,
                proof: path.map { MerkleHash(bytes: $0[...]) })
            #expect(root?.bytes == checkpoint.root)
        }
    }

    @Test func proofsWithoutACheckpointThatCanBeReadAreAFault() async throws {
        let fixture = try TestLog()
        try await fixture.write(3)
        try write(Array("no note".utf8), to: fixture.directory + "/checkpoint")
        #expect(code { _ = try lines(fixture, withProofs) } == .badNote)
        try FileManager.default.removeItem(atPath: fixture.directory + "/checkpoint")
        #expect(code { _ = try lines(fixture, withProofs) } == .missingFile)
        // Without proofs the journal's entries need no checkpoint.
        #expect(try lines(fixture, LogExport()).entries.count == 3)
    }

    @Test func anEntryOfANewerVersionIsWrittenAsItStandsAndCounted() async throws {
        let fixture = try TestLog()
        let log = try fixture.open()
        try await fixture.append(2, to: log)
        try await log.appendForeign()
        try await log.close()
        let (entries, _, outcome) = try lines(fixture, withProofs)
        try #require(entries.count == 3)
        #expect(outcome.unread == 1)
        #expect(entries[2]["entry"]?.object?["novelty"]?.string == "x")
        #expect(entries[2]["proof"]?.strings?.isEmpty == false)
        // By kind it can be left out, by a member that nobody here can read it cannot.
        var export = LogExport()
        export.filter.kind = "denied"
        #expect(try lines(fixture, export).outcome.unread == 0)
        export.filter = EntryFilter()
        export.filter.user = "alice"
        #expect(try lines(fixture, export).entries.map { $0["index"]?.integer } == [2])
    }
}
