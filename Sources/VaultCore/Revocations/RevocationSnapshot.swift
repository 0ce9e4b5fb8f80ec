package import AuditLog
import Crypto
import Foundation
import StrictEncoding

/// What was in force when the log had a certain size: spares a start the search through all of it.
///
/// The entries themselves, a line each, under a signed note (C2SP signed-note) of the checkpoint key that names the log,
/// its size and root, and the hash of the lines. It is safe to lose and safe to replay: an older one, or one of another
/// history, only means that more of the log is searched, all of it against the log's checkpoints (`VerifiedReplay`). The
/// note's second line is no number, so it is never a checkpoint:
///
///     vault.example/log
///     entries in force, 3
///     <shard> <entries in it>
///     <base64 of the root of the tree of those>
///     <base64 of the SHA-256 of all lines>
package struct RevocationSnapshot: Sendable, Equatable {
    /// A larger file is not read.
    private static let maximumBytes = 64 << 20
    private static let title = "entries in force, 3"
    /// Stands between the note and the lines.
    private static let separator = Array("--\n".utf8)

    package let origin: String
    /// Everything in force before this place is among `entries`.
    package let place: VerifiedReplay.Place
    package let entries: [Entry]

    /// A snapshot of a log.
    package init(origin: String, place: VerifiedReplay.Place, entries: [Entry]) {
        self.origin = origin
        self.place = place
        self.entries = entries
    }

    private var lines: [UInt8] { Array(entries.map { $0.canonicalBytes + [0x0A] }.joined()) }

    private static func text(_ origin: String, _ place: VerifiedReplay.Place, _ lines: [UInt8]) -> [UInt8] {
        let (root, digest) = (StandardBase64.string(place.root), StandardBase64.string(Array(SHA256.hash(data: lines))))
        return Array("\(origin)\n\(title)\n\(place.shard) \(place.size)\n\(root)\n\(digest)\n".utf8)
    }

    /// Signs the snapshot and puts it in place of the older one.
    func save(_ path: String, signer: any CheckpointSigner) async throws {
        let lines = lines
        let text = Self.text(origin, place, lines)
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
        guard fields.count == 5, let root = StandardBase64.decode(fields[3].utf8) else { return nil }
        let numbers = fields[2].split(separator: " ").compactMap { UInt64($0) }
        guard numbers.count == 2 else { return nil }
        let place = VerifiedReplay.Place(shard: numbers[0], size: numbers[1], root: root)
        // The comparison checks origin, title, the form of the numbers and the hash of the lines at once.
        guard note.text == Self.text(origin, place, lines) else { return nil }
        let entries = lines.split(separator: 0x0A).compactMap { try? Entry(jsonBytes: Array($0)) }
        self.init(origin: origin, place: place, entries: entries)
        guard self.lines == lines else { return nil }
    }
}
