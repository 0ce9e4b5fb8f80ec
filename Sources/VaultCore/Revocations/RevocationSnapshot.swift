package import AuditLog
import Crypto
import Foundation
import StrictEncoding

/// What was in force when the log had a certain size: spares a start the search through all of it.
///
/// The entries themselves, a line each, under a signed note (C2SP signed-note) of the checkpoint key that names the log,
/// its size and the hash of the lines. It is safe to lose and safe to replay: an older one only means that more of the
/// log is searched. The note's second line is no number, so it is never a checkpoint:
///
///     vault.example/log
///     entries in force, 2
///     <shard> <entries in it>
///     <base64 of the SHA-256 of all lines>
package struct RevocationSnapshot: Sendable, Equatable {
    /// A place in the log.
    package struct Position: Sendable, Equatable, Comparable {
        /// Which shard, counted from 1.
        package let shard: UInt64
        /// How many of its entries lie before.
        package let size: UInt64

        /// A place in the log.
        package init(shard: UInt64, size: UInt64) {
            self.shard = shard
            self.size = size
        }

        /// Whether `left` comes earlier in the log.
        package static func < (left: Position, right: Position) -> Bool {
            (left.shard, left.size) < (right.shard, right.size)
        }
    }

    /// A larger file is not read.
    private static let maximumBytes = 64 << 20
    private static let title = "entries in force, 2"
    /// Stands between the note and the lines.
    private static let separator = Array("--\n".utf8)

    package let origin: String
    /// Everything in force before this place is among `entries`.
    package let position: Position
    package let entries: [Entry]

    /// A snapshot of a log.
    package init(origin: String, position: Position, entries: [Entry]) {
        self.origin = origin
        self.position = position
        self.entries = entries
    }

    private var lines: [UInt8] { Array(entries.map { $0.canonicalBytes + [0x0A] }.joined()) }

    private static func text(_ origin: String, _ position: Position, _ lines: [UInt8]) -> [UInt8] {
        let digest = StandardBase64.string(Array(SHA256.hash(data: lines)))
        return Array("\(origin)\n\(title)\n\(position.shard) \(position.size)\n\(digest)\n".utf8)
    }

    /// Signs the snapshot and puts it in place of the older one.
    func save(_ path: String, signer: any CheckpointSigner) async throws {
        let lines = lines
        let text = Self.text(origin, position, lines)
        let key = signer.verifierKey
        let signature = SignedNote.Signature(name: key.name, keyID: key.keyID, bytes: try await signer.sign(text))
        let bytes = SignedNote(text: text, signatures: [signature]).bytes + Self.separator + lines
        guard
            FileManager.default.createFile(atPath: path + ".new", contents: nil, attributes: [.posixPermissions: 0o600])
        else { throw CocoaError(.fileWriteUnknown) }
        try Data(bytes).write(to: URL(filePath: path + ".new"))
        // Safety: both strings live through the call.
        guard unsafe rename(path + ".new", path) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    /// The snapshot in a file; nil when there is none that one of the keys has signed for this log.
    package static func load(_ path: String, origin: String, keys: [VerifierKey]) -> RevocationSnapshot? {
        guard let data = try? Data(contentsOf: URL(filePath: path)), data.count <= maximumBytes else { return nil }
        return RevocationSnapshot([UInt8](data), origin: origin, keys: keys)
    }

    private init?(_ bytes: [UInt8], origin: String, keys: [VerifierKey]) {
        let mark = [0x0A] + Self.separator
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }),
            let note = try? SignedNote(parsing: Array(bytes[...end])), (try? note.verified(by: keys)) != nil
        else { return nil }
        let lines = Array(bytes[(end + mark.count)...])
        let fields = String(decoding: note.text, as: UTF8.self).split(separator: "\n")
        guard fields.count == 4 else { return nil }
        let place = fields[2].split(separator: " ").compactMap { UInt64($0) }
        guard place.count == 2 else { return nil }
        let position = Position(shard: place[0], size: place[1])
        // The comparison checks origin, title, the form of the numbers and the hash of the lines at once.
        guard note.text == Self.text(origin, position, lines) else { return nil }
        let entries = lines.split(separator: 0x0A).compactMap { try? Entry(jsonBytes: Array($0)) }
        self.init(origin: origin, position: position, entries: entries)
        guard self.lines == lines else { return nil }
    }
}
