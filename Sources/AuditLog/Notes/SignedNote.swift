import StrictEncoding

/// A text with signature lines.
///
/// Source: C2SP signed-note, "Format".
package struct SignedNote: Sendable, Equatable {
    /// One signature line.
    package struct Signature: Sendable, Equatable {
        /// The name of the key that signed.
        package var name: String
        /// What ties the line to that key.
        package var keyID: UInt32
        /// The signature, in the form of the key's algorithm.
        package var bytes: [UInt8]

        /// A signature by the key of this name and ID.
        package init(name: String, keyID: UInt32, bytes: [UInt8]) {
            self.name = name
            self.keyID = keyID
            self.bytes = bytes
        }

        /// The line as a note has it, with its newline.
        var text: [UInt8] {
            var material: [UInt8] = []
            material.append(bigEndian: keyID)
            material += bytes
            return SignedNote.dash + Array("\(name) \(StandardBase64.string(material))\n".utf8)
        }
    }

    /// How many bytes a note may have, and how many signatures.
    private static let maximumBytes = 1 << 20
    private static let maximumSignatures = 100
    /// Em dash and space begin every signature line.
    private static let dash = Array("\u{2014} ".utf8)
    private static let newline = UInt8(ascii: "\n")

    /// The text that is signed, including its final newline.
    package let text: [UInt8]
    /// The signature lines, in their order.
    package let signatures: [Signature]

    /// A note over `text`, which ends in a newline.
    package init(text: [UInt8], signatures: [Signature]) {
        self.text = text
        self.signatures = signatures
    }

    /// Reads a note strictly.
    package init(parsing bytes: [UInt8]) throws(AuditLogError) {
        guard bytes.count <= SignedNote.maximumBytes else { throw AuditLogError(.badNote, "the note is too long") }
        guard String(validating: bytes, as: UTF8.self) != nil,
            bytes.allSatisfy({ $0 >= 0x20 || $0 == SignedNote.newline })
        else { throw AuditLogError(.badNote, "the note is not plain UTF-8 text") }
        guard bytes.last == SignedNote.newline, let blank = SignedNote.lastBlankLine(bytes) else {
            throw AuditLogError(.badNote, "the note has no signature lines")
        }
        text = Array(bytes[...blank])
        signatures = try SignedNote.lines(bytes[(blank + 2)...])
    }

    /// Reads signature lines, each with its newline: those of a note, or a witness's answer.
    package static func lines(_ bytes: ArraySlice<UInt8>) throws(AuditLogError) -> [Signature] {
        guard bytes.last == newline else { throw AuditLogError(.badNote, "there are no signature lines") }
        var signatures: [Signature] = []
        for line in bytes.dropLast().split(separator: newline, omittingEmptySubsequences: false) {
            guard signatures.count < maximumSignatures else {
                throw AuditLogError(.badNote, "the note has too many signatures")
            }
            signatures.append(try signature(line))
        }
        return signatures
    }

    /// The note as it is stored.
    package var bytes: [UInt8] {
        signatures.reduce(into: text + [SignedNote.newline]) { $0 += $1.text }
    }

    /// The keys that have signed: at least one, and every known key's signature must be right.
    ///
    /// Unknown keys are ignored. Source: C2SP signed-note, "Signatures".
    @discardableResult
    package func verified(by keys: [VerifierKey]) throws(AuditLogError) -> [VerifierKey] {
        var signers: [VerifierKey] = []
        for signature in signatures {
            for key in keys where key.keyID == signature.keyID && key.name.hasSameBytes(as: signature.name) {
                guard key.isValid(signature: signature.bytes, of: text) else {
                    throw AuditLogError(.badSignature, "the signature of \(key.name) is wrong")
                }
                signers.append(key)
            }
        }
        guard !signers.isEmpty else { throw AuditLogError(.badSignature, "no known key has signed") }
        return signers
    }

    /// Where the last empty line's predecessor ends: the text goes up to and including that newline.
    private static func lastBlankLine(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (0..<bytes.count - 2).last { bytes[$0] == newline && bytes[$0 + 1] == newline }
    }

    private static func signature(_ line: ArraySlice<UInt8>) throws(AuditLogError) -> Signature {
        let parts = line.dropFirst(dash.count).split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard line.starts(with: dash), parts.count == 2, let material = StandardBase64.decode(parts[1]),
            material.count > 4
        else { throw AuditLogError(.badNote, "a signature line is malformed") }
        let name = String(decoding: parts[0], as: UTF8.self)
        guard VerifierKey.isValidName(name) else { throw AuditLogError(.badNote, "a key name is not valid") }
        return Signature(
            name: name, keyID: UInt32(bigEndianBytes: material.prefix(4)), bytes: Array(material.dropFirst(4)))
    }
}
