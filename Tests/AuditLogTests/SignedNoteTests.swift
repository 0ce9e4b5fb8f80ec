import Crypto
import Testing

@testable import AuditLog

@Suite struct SignedNoteTests {
    /// C2SP signed-note, "Example".
    static let vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    static let note = Array(
        """
        This is an example message.

        — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=

        """.utf8)

    @Test func theExampleOfTheStandardVerifies() throws {
        let key = try VerifierKey(parsing: Self.vkey)
        let note = try SignedNote(parsing: Self.note)
        #expect(key.description == Self.vkey)
        #expect(note.bytes == Self.note)
        #expect(try note.verified(by: [key]) == [key])
    }

    @Test func everyFlippedByteOfANoteIsFound() throws {
        let key = try VerifierKey(parsing: Self.vkey)
        for position in Self.note.indices {
            for bit in [UInt8(0x01), 0x20, 0x80] {
                var bytes = Self.note
                bytes[position] ^= bit
                #expect(throws: AuditLogError.self, "byte \(position) xor \(bit)") {
                    try SignedNote(parsing: bytes).verified(by: [key])
                }
            }
        }
    }

    @Test func anECDSAKeyVerifiesInDER() throws {
        let privateKey = P256.Signing.PrivateKey()
        let key = try VerifierKey(
            name: "vault.example/log", algorithm: .ecdsaP256, publicKey: Array(privateKey.publicKey.derRepresentation))
        #expect(try VerifierKey(parsing: key.description) == key)
        // "the truncated SHA-256 hash of the DER encoded public key in SPKI format"
        #expect(SHA256.hash(data: key.publicKey).prefix(4).reduce(0) { $0 << 8 | UInt32($1) } == key.keyID)
        let text = Array("text\n".utf8)
        let signature = Array(try privateKey.signature(for: text).derRepresentation)
        let note = SignedNote(text: text, signatures: [.init(name: key.name, keyID: key.keyID, bytes: signature)])
        #expect(try SignedNote(parsing: note.bytes).verified(by: [key]) == [key])
    }

    @Test func unknownKeysAreIgnoredAndAKnownOneMustHaveSigned() throws {
        let (known, stranger) = (try TestSigner(), try TestSigner(origin: "witness.example/w1"))
        let text = Array("text\n".utf8)
        let strange = SignedNote.Signature(
            name: stranger.verifierKey.name, keyID: stranger.verifierKey.keyID, bytes: [1, 2, 3])
        #expect(
            code { try SignedNote(text: text, signatures: [strange]).verified(by: [known.verifierKey]) }
                == .badSignature)
    }

    @Test func oneWrongSignatureOfAKnownKeyRefusesTheWholeNote() async throws {
        let (first, second) = (try TestSigner(), try TestSigner(origin: "witness.example/w1"))
        let text = Array("text\n".utf8)
        let good = SignedNote.Signature(
            name: first.verifierKey.name, keyID: first.verifierKey.keyID, bytes: try await first.sign(text))
        let bad = SignedNote.Signature(
            name: second.verifierKey.name, keyID: second.verifierKey.keyID, bytes: try await first.sign(text))
        let note = SignedNote(text: text, signatures: [good, bad])
        #expect(try note.verified(by: [first.verifierKey]).count == 1)
        #expect(code { try note.verified(by: [first.verifierKey, second.verifierKey]) } == .badSignature)
    }

    @Test(arguments: [
        "", "text\n", "text\n\n", "text\n\nno dash\n", "text\n\n— name\n", "text\n\n— name AAAAAA==\n",
        "text\n\n— a+b AAAAAAE=\n",
        "text\n\n— name AAAAAAE\n", "text\n\n— name AAAAAAF=\n", "text\n\n— name AAAAAAE=",
        "te\u{1}xt\n\n— name AAAAAAE=\n",
        "text\r\n\n— name AAAAAAE=\n", "text\n\n— name  AAAAAAE=\n", "text\n\n— name AAAAAAE= \n",
    ])
    func malformedNotesAreRefused(note: String) {
        #expect(code { _ = try SignedNote(parsing: Array(note.utf8)) } == .badNote)
    }

    @Test func theTextMayHaveEmptyLines() throws {
        let note = try SignedNote(parsing: Array("a\n\nb\n\n— name AAAAAAE=\n".utf8))
        #expect(note.text == Array("a\n\nb\n".utf8))
        #expect(note.signatures == [.init(name: "name", keyID: 0, bytes: [1])])
    }

    @Test(arguments: [
        "", "a+b", "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+BOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "exa mple+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "example.com/foo+530d903a+AQ==",
    ])
    func malformedVerifierKeysAreRefused(vkey: String) {
        #expect(code { _ = try VerifierKey(parsing: vkey) } == .badKey)
    }
}

@Suite struct CheckpointTests {
    /// C2SP tlog-checkpoint, the example at the top.
    static let text =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

    @Test func theExampleOfTheStandardIsReadAndWritten() throws {
        let checkpoint = try Checkpoint(text: Array(Self.text.utf8))
        #expect(checkpoint.origin == "example.com/behind-the-sofa")
        #expect(checkpoint.size == 20_852_163)
        #expect(checkpoint.text == Array(Self.text.utf8))
    }

    @Test(arguments: [
        "", "o\n1\n", "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n+1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n", "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
        "o\n1\nAAAA\n", "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nextension\n",
        "o\n18446744073709551616\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
    ])
    func malformedCheckpointsAreRefused(text: String) {
        #expect(code { _ = try Checkpoint(text: Array(text.utf8)) } == .badNote)
    }
}
