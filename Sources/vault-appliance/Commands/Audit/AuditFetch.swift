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
            complete is never fetched again, and one that the appliance has pruned stays. What the core says is held against \
            the copy: a checkpoint that is older, or has another history, is refused and kept beside it, and the copy stays as \
            it is. Exits 1 then: the log was put back or forked.
            """)

    @OptionGroup var options: ConfigurationOption
    @Argument(help: "Directory of the copy.", completion: .directory) var directory: String

    func run() async throws {
        let socket = try CoreSettings(loading: options.config).adminSocket
        let status = try await AdminClient.call(["command": "status"], socket: socket)
        guard let current = status.object?["log"]?.object?["shard"]?.integer else {
            throw CommandFailure("the core does not say which shard it writes")
        }
        let parent = URL(filePath: directory).deletingLastPathComponent()
        try FileManager.default.createDirectory(
            at: parent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let copy = LogCopy(directory: directory) { try await Self.read($0, shard: $1, socket: socket) }
        let outcome = try await copy.update(current: UInt64(clamping: current)) {
            Terminal.progress("shard \($0): \($1) files")
        }
        for shard in outcome.pruned {
            Terminal.note(
                "shard \(shard) was pruned before the copy had all of it: the copy has what is left, or what it had")
        }
        guard outcome.incomplete.isEmpty else {
            let numbers = outcome.incomplete.map(String.init).joined(separator: ", ")
            throw CommandFailure(
                "the core has not the entries of shard \(numbers), and nothing that says they were pruned: damaged, or withheld. "
                    + "What the copy has stays")
        }
        print("fetched \(outcome.files) files; now: vault-appliance audit verify --log \(directory) --vkey FILE")
    }

    private static func read(_ path: String, shard: UInt64, socket: String) async throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while true {
            let answer = try await AdminClient.call(
                [
                    "command": "audit-read", "path": .string(path), "shard": .integer(Int64(clamping: shard)),
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
}
