import ArgumentParser
import AuditLog
import Foundation
import StrictEncoding
import VaultAppliance
import VaultCore

/// `audit fetch`: a copy of the log for those who collect it, through the admin socket.
struct AuditFetch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Copy the log's checkpoints and tiles from a running core; only what is new.",
        discussion: """
            DIR gets the layout of a log, closed shards beside it, and can be verified and read like one. A file that is \
            complete is never fetched again, and one that the appliance has pruned stays.
            """)

    @OptionGroup var options: ConfigurationOption
    @Argument(help: "Directory of the copy.", completion: .directory) var directory: String

    func run() async throws {
        let socket = try CoreSettings(loading: options.config).adminSocket
        let status = try await AdminClient.call(["command": "status"], socket: socket)
        guard let current = status.object?["log"]?.object?["shard"]?.integer else {
            throw CommandFailure("the core does not say which shard it writes")
        }
        var files = 0
        for shard in 1...max(1, current) {
            let copy = shard == current ? directory : "\(directory).\(shard)"
            files += try await LogCopy(socket: socket, shard: shard, directory: copy, isCurrent: shard == current)
                .update()
        }
        print("fetched \(files) files; now: vault-appliance audit verify --log \(directory) --vkey FILE")
    }
}

/// One shard's copy.
private struct LogCopy {
    let socket: String
    let shard: Int64
    let directory: String
    let isCurrent: Bool

    /// Fetches what is new, the checkpoint last, and returns how many files that were.
    func update() async throws -> Int {
        // Before the checkpoint, which may be newer than what was cosigned, and never older.
        let witnessed = try await read("witnessed")
        guard let note = try await read("checkpoint") else { return 0 }
        let checkpoint = try Checkpoint(text: SignedNote(parsing: note).text)
        try setAsideOther(checkpoint.origin)
        guard existing("checkpoint") != note else { return 0 }
        var fetched = 1
        for path in LogFiles.paths(size: checkpoint.size) where existing(path) == nil {
            // Pruned at the source: the copy, if there is one, is complete already.
            guard let bytes = try await read(path) else { return 0 }
            try write(bytes, to: path)
            fetched += 1
            if fetched % 100 == 0 { Terminal.progress("shard \(shard): \(fetched) files") }
        }
        try write(note, to: "checkpoint")
        if let witnessed { try write(witnessed, to: "witnessed") }
        return fetched
    }

    /// The source has begun a new shard: what was the newest here is a closed one now.
    private func setAsideOther(_ origin: String) throws {
        guard isCurrent, let bytes = existing("checkpoint"),
            let found = try? Checkpoint(text: SignedNote(parsing: bytes).text), found.origin != origin
        else { return }
        let number = found.origin.split(separator: "/").last.flatMap { UInt64($0) } ?? 1
        try FileManager.default.moveItem(atPath: directory, toPath: "\(directory).\(number)")
    }

    private func read(_ path: String) async throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while true {
            let answer = try await AdminClient.call(
                [
                    "command": "audit-read", "path": .string(path), "shard": .integer(shard),
                    "offset": .integer(Int64(bytes.count)),
                ], socket: socket)
            guard let size = answer.object?["size"]?.integer else { return nil }
            guard let piece = answer.object?["content"]?.string.flatMap({ Base64URL.decode($0) }) else {
                throw CommandFailure("the core's answer cannot be read")
            }
            bytes += piece
            if bytes.count >= size || piece.isEmpty { return bytes }
        }
    }

    private func existing(_ path: String) -> [UInt8]? {
        FileManager.default.contents(atPath: "\(directory)/\(path)").map { [UInt8]($0) }
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let url = URL(filePath: "\(directory)/\(path)")
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        try Data(bytes).write(to: url, options: .atomic)
    }
}
