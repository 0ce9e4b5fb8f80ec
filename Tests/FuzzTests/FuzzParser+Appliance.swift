@testable import AuditLog
@testable import CoreProtocol
@testable import Custody
import NIOCore
@testable import Policy
import StrictEncoding

extension FuzzParser {
    /// A pattern and a location on two lines, an identifier on a third; a pattern that grants also denies.
    func location(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        let lines = input.split(separator: 0x0A, omittingEmptySubsequences: false)
        guard lines.count == 3, let text = String(validating: lines[0], as: UTF8.self),
            let name = String(validating: lines[2], as: UTF8.self), let pattern = try? LocationPattern(text)
        else { return false }
        let location = Array(lines[1])
        guard LocationText.isAcceptable(location) else { return false }
        let identifier = LocationIdentifier(name.isEmpty ? nil : name)
        let grants = pattern.matches(location, identifier: identifier)
        try FuzzFinding.unless(
            !grants || pattern.denies(location, identifier: identifier), "grants what it would not deny")
        try FuzzFinding.unless(
            !grants || location.count { $0 == UInt8(ascii: "/") } == lines[0].count { $0 == UInt8(ascii: "/") },
            "lets a star cross a slash")
        return true
    }

    /// A payload behind the byte of its kind; what is accepted reads the same once written.
    func frame(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let byte = input.first else { return false }
        let payload = ByteBuffer(bytes: input.dropFirst())
        switch CoreFrame.Kind(rawValue: byte) {
        case .sign?:
            guard let request = try? SignRequest(payload: payload) else { return false }
            let again = try? SignRequest(payload: request.payload)
            try FuzzFinding.unless(
                again?.entry == request.entry && again?.input == request.input, "reads another way once written")
        case .read?:
            guard let request = try? ReadRequest(payload: payload) else { return false }
            try FuzzFinding.unless(
                (try? ReadRequest(payload: request.payload)) == request, "reads another way once written")
        case .success?:
            if let record = try? SignedRecord(payload: payload) {
                try FuzzFinding.unless(
                    (try? SignedRecord(payload: record.payload)) == record, "reads another way once written")
                return true
            }
            guard let entries = try? LiveEntries(payload: payload) else { return false }
            try FuzzFinding.unless(
                (try? LiveEntries(payload: entries.payload))?.records.map(\.entry) == entries.records.map(\.entry),
                "reads another way once written")
        case .witnessRequest?:
            guard let request = try? WitnessRequest(payload: payload) else { return false }
            try FuzzFinding.unless(
                (try? WitnessRequest(payload: request.payload)) == request, "reads another way once written")
        case .witnessAnswer?:
            guard let answer = try? WitnessAnswer(payload: payload) else { return false }
            try FuzzFinding.unless(
                (try? WitnessAnswer(payload: answer.payload)) == answer, "reads another way once written")
        case .open?:
            guard (try? SecretPassage.Far(payload: payload)) != nil else { return false }
        case .describe?:
            var payload = payload
            return payload.readJSON().flatMap { CoreDescription(json: $0) } != nil
        case .failure?: _ = CoreError(payload: payload)
        default: return false
        }
        return true
    }

    /// What is accepted reads the same once written, and is what the log would take.
    func entry(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let entry = try? Entry(jsonBytes: input) else { return false }
        try FuzzFinding.unless((try? Entry(jsonBytes: entry.canonicalBytes)) == entry, "reads another way once written")
        guard let value = try? JSONParser.parse(entry.canonicalBytes) else { throw FuzzFinding("writes no JSON") }
        try FuzzFinding.unless(JSONWriter.canonical(value) == entry.canonicalBytes, "is not written in canonical form")
        return true
    }

    /// What is accepted is written as the same bytes; so is the checkpoint in it.
    func note(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let note = try? SignedNote(parsing: input) else { return false }
        try FuzzFinding.unless(note.bytes == input, "accepts a note in two spellings")
        if let checkpoint = try? Checkpoint(text: note.text) {
            try FuzzFinding.unless(
                (try? Checkpoint(text: checkpoint.text)) != nil, "writes a checkpoint that it does not read")
        }
        return true
    }

    /// Nobody guesses a signature either.
    func sshSignature(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let signature = try? SSHSignature(armored: input) else { return false }
        let signer = try? signature.verify([0x66], namespace: signature.namespace)
        try FuzzFinding.unless(signer == nil, "accepts a signature that nobody made")
        return true
    }

    /// The part a MAC covers is the beginning of the file, byte for byte.
    func ageHeader(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let header = try? AgeHeader(parsing: input) else { return false }
        try FuzzFinding.unless(input.starts(with: header.covered) && header.length <= input.count, "covers other bytes")
        try FuzzFinding.unless(
            AgeHeader.covered(header.stanzas) == header.covered, "reads recipients another way than it writes them")
        return true
    }
}
