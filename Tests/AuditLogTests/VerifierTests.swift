import Foundation
import StrictEncoding
import Testing

@testable import AuditLog

@Suite(.timeLimit(.minutes(10))) struct VerifierTests {
    @Test(arguments: [
        (1, ["tile/0/000.p/1", "tile/entries/000.p/1"]), (255, ["tile/0/000.p/255", "tile/entries/000.p/255"]),
        (256, ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"]),
        (257, ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/1"]),
        (
            600,
            [
                "tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/000", "tile/entries/001",
                "tile/entries/002.p/88",
            ]
        ),
    ])
    func aClosedLogHasExactlyTheFilesOfTheStandard(size: Int, files: [String]) async throws {
        let fixture = try TestLog()
        try await fixture.write(size)
        #expect(try TestLog.files(in: fixture.directory).filter { $0.hasPrefix("tile/") } == files)
        let report = try fixture.verify()
        #expect(report.checkpoint.size == UInt64(size))
        #expect(report.checkpoint.origin == TestSigner.origin)
        #expect(report.signers == [fixture.signer.verifierKey])
        #expect(report.lastEntryTime == UnixTime(seconds: 1_800_000_000))
        #expect(report.journalTail == 0)
        #expect(report.filesChecked >= files.count)
    }

    @Test func anotherProgramAgrees() async throws {
        let fixture = try TestLog()
        try await fixture.write(600)
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("verify_log.py")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script.path, fixture.directory]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) == "600\n")
    }

    @Test func everyFlippedByteIsFound() async throws {
        let fixture = try TestLog()
        // Leaves at two partial widths, so that there is an older partial tile and bundle as well.
        try await fixture.write(260)
        try await fixture.write(10, from: 260)
        let files = try TestLog.files(in: fixture.directory).filter { $0.hasPrefix("tile/") || $0 == "checkpoint" }
        #expect(files.contains("tile/entries/001.p/4") && files.contains("tile/0/001.p/14"))
        for file in files {
            let path = "\(fixture.directory)/\(file)"
            let bytes = try read(path)
            for position in stride(from: 0, to: bytes.count, by: bytes.count > 2000 ? 97 : 7) {
                await Task.yield()
                var flipped = bytes
                flipped[position] ^= 1 << UInt8(position % 8)
                try write(flipped, to: path)
                let found = Self.fault { _ = try fixture.verify() }
                #expect(found != nil, "\(file), byte \(position)")
                #expect(found?.path?.hasPrefix(fixture.directory) == true, "\(file), byte \(position)")
            }
            try write(bytes, to: path)
        }
        #expect(try fixture.verify().checkpoint.size == 270)
    }

    @Test func aMissingFileIsNamed() async throws {
        let fixture = try TestLog()
        try await fixture.write(300)
        for file in [
            "checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000",
            "tile/entries/001.p/44",
        ] {
            let copy = try fixture.copy()
            try FileManager.default.removeItem(atPath: "\(copy)/\(file)")
            let found = Self.fault { _ = try fixture.verify(copy) }
            #expect(found?.code == .missingFile)
            #expect(found?.path == "\(copy)/\(file)")
        }
    }

    @Test(arguments: [
        "extra", "tile/extra", "tile/0/002", "tile/0/001", "tile/0/001.p/45", "tile/1/001.p/1", "tile/2/000.p/1",
        "tile/entries/001", "tile/entries/002.p/1", "tile/entries/001.p/45", "tile/0/000.bak", "tile/0/0",
    ])
    func aFileThatNothingAccountsForIsNamed(file: String) async throws {
        let fixture = try TestLog()
        try await fixture.write(300)
        let path = "\(fixture.directory)/\(file)"
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try write([UInt8](repeating: 7, count: 32), to: path)
        let found = Self.fault { _ = try fixture.verify() }
        #expect(found?.code == .unexpectedFile)
        #expect(found?.path == path)
    }

    @Test func entriesCannotBeDroppedSwappedInsertedOrDoubled() async throws {
        let fixture = try TestLog()
        try await fixture.write(20)
        let path = fixture.directory + "/tile/entries/000.p/20"
        let bytes = try read(path)
        let entries = try EntryBundle.entries(in: bytes, path: path).map { bytes[$0] }
        var swapped = entries
        swapped.swapAt(3, 4)
        for forged in [
            Array(entries.dropLast()), Array(entries.dropFirst()), swapped, entries + [entries[0]],
            [entries[0]] + entries,
        ] {
            var bundle = EntryBundle()
            for entry in forged { bundle.append(entry) }
            try write(bundle.bytes, to: path)
            #expect(code { _ = try fixture.verify() } != nil)
        }
    }

    @Test func aForgedTreeWithoutTheKeyIsFound() async throws {
        let fixture = try TestLog()
        try await fixture.write(20)
        let forger = try TestLog()
        try await forger.write(20, from: 100)
        // Everything is consistent, but another key of the same name has signed.
        #expect(
            code {
                _ = try LogVerifier.verify(directory: forger.directory, verifierKeys: [fixture.signer.verifierKey])
            } == .badSignature)
        // The true checkpoint over forged entries.
        try write(read(fixture.directory + "/checkpoint"), to: forger.directory + "/checkpoint")
        #expect(
            code {
                _ = try LogVerifier.verify(directory: forger.directory, verifierKeys: [fixture.signer.verifierKey])
            } == .badRoot)
    }

    @Test func theOriginIsChecked() async throws {
        let fixture = try TestLog()
        try await fixture.write(2)
        let keys = [fixture.signer.verifierKey]
        let report = try LogVerifier.verify(directory: fixture.directory, verifierKeys: keys, origin: TestSigner.origin)
        #expect(report.checkpoint.size == 2)
        #expect(
            code {
                _ = try LogVerifier.verify(
                    directory: fixture.directory, verifierKeys: keys, origin: "other.example/log")
            } == .wrongOrigin)
    }

    @Test func aLogIsVerifiedAndReadWhileItIsWritten() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: TestLog.options(interval: .milliseconds(1)))
        try await fixture.append(10, to: log)
        try await eventually { log.status.checkpoint != nil }
        let writer = Task {
            var number = 10
            while !Task.isCancelled {
                try await fixture.append(50, from: number, to: log)
                number += 50
            }
        }
        for _ in 0..<20 {
            let report = try fixture.verify()
            #expect(try fixture.identifiers().count >= Int(report.checkpoint.size))
        }
        writer.cancel()
        _ = try? await writer.value
        try await log.close()
        #expect(try fixture.verify().checkpoint.size == log.status.size)
    }

    @Test func theTailIsCountedAndACopyWithoutJournalVerifies() async throws {
        let fixture = try TestLog()
        try await fixture.write(5)
        let log = try fixture.open()
        try await fixture.append(3, from: 5, to: log)
        let report = try fixture.verify()
        #expect(report.checkpoint.size == 5)
        #expect(report.journalTail == 3)
        let copy = try fixture.copy()
        try FileManager.default.removeItem(atPath: copy + "/journal")
        #expect(try fixture.verify(copy).journalTail == 0)
        try await log.close()
    }

    @Test func theReaderGivesAnyRange() async throws {
        let fixture = try TestLog()
        try await fixture.write(300)
        let log = try fixture.open()
        try await fixture.append(5, from: 300, to: log)
        let all = try fixture.identifiers()
        #expect(Set(all) == Set((0..<305).map(String.init)))
        for range in [0..<1, 255..<257, 290..<303, 301..<305, 304..<400, 400..<500, 10..<10] {
            var found: [String] = []
            let next = try LogReader(directory: fixture.directory)
                .forEach(in: UInt64(range.lowerBound)..<UInt64(range.upperBound)) {
                    (index, bytes) throws(AuditLogError) in
                    #expect(index == UInt64(range.lowerBound + found.count))
                    found.append(try Entry(jsonBytes: bytes).jti ?? "")
                }
            #expect(found == Array(all[min(range.lowerBound, 305)..<min(range.upperBound, 305)]))
            #expect(next == UInt64(range.lowerBound + found.count))
        }
        try await log.close()
    }

    private static func fault(_ body: () throws -> Void) -> AuditLogError? {
        do {
            try body()
            return nil
        } catch {
            return error as? AuditLogError
        }
    }
}
