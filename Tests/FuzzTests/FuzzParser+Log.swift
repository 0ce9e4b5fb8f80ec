@testable import AuditLog
import HSMBridge
import StrictEncoding
@testable import VaultAppliance

extension FuzzParser {
    /// A verifier's or a witness's key, never both; written again it is the same text.
    func verifierKey(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let text = String(validating: input, as: UTF8.self) else { return false }
        let keys = [
            (try? VerifierKey(parsing: text))?.description, (try? WitnessKey(parsing: text))?.description,
        ].compactMap(\.self)
        try FuzzFinding.unless(keys.count < 2 && keys.allSatisfy { $0 == text }, "accepts a key in two spellings")
        return !keys.isEmpty
    }

    /// A proof, or what a log sends to a witness: what is accepted is written as the same bytes.
    func logProof(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        let written = [(try? LogProof(parsing: input))?.bytes, (try? AddCheckpoint(parsing: input))?.bytes]
            .compactMap(\.self)
        try FuzzFinding.unless(written.count < 2 && written.allSatisfy { $0 == input }, "accepts it in two spellings")
        return !written.isEmpty
    }

    /// A PKCS#11 URI names the same token once written, unless that makes it too long; the rest of it is not written.
    func tokenURI(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let text = String(validating: input, as: UTF8.self), let uri = try? TokenURI(text) else { return false }
        guard uri.description.utf8.count <= 4096 else { return true }
        let again = try? TokenURI(uri.description)
        try FuzzFinding.unless(
            again?.token == uri.token && again?.serial == uri.serial && again?.manufacturer == uri.manufacturer
                && again?.model == uri.model && again?.description == uri.description,
            "names another token once written")
        return true
    }

    /// The records of a segment of the journal follow each other and lie within it.
    func journal(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        let scan = SegmentScan(input, sequence: 1, expected: nil)
        var next: UInt64?
        for record in scan.records {
            try FuzzFinding.unless(next == nil || record.index == next, "skips an index")
            try FuzzFinding.unless(record.entry.upperBound <= input.count, "reads beyond the segment")
            next = record.index + 1
        }
        return !scan.records.isEmpty
    }

    /// The entries of a bundle are all of its bytes, and no others.
    func entryBundle(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let entries = try? EntryBundle.entries(in: input, path: "bundle") else { return false }
        var bundle = EntryBundle()
        for entry in entries { bundle.append(input[entry]) }
        try FuzzFinding.unless(bundle.bytes == input && bundle.count == entries.count, "reads another way once written")
        return !entries.isEmpty
    }

    /// A path that is accepted has no segment that a reader of paths could skip, and no query.
    func requestTarget(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let text = String(validating: input, as: UTF8.self), let path = try? RequestTarget.path(of: text) else {
            return false
        }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let isOdd = segments.dropLast().contains("") || segments.contains(".") || segments.contains("..")
        try FuzzFinding.unless(
            path.first == "/" && !isOdd && !path.contains("?") && !path.contains("#"), "accepts an odd path")
        try FuzzFinding.unless((try? RequestTarget.path(of: path)) == path, "reads its own path another way")
        return true
    }
}
