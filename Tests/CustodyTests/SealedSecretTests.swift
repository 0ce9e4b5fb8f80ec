import Crypto
import CryptoExtras
import Custody
import Foundation
import StrictEncoding
import Testing
import VaultTesting

/// The envelope of a secret: who can open it, what it is bound to, who vouches for it.
@Suite(.timeLimit(.minutes(10))) struct SealedSecretTests {
    private static let value = Array("client-secret-canary-1f6b".utf8)

    /// A token that exists in this test alone.
    private struct Token {
        let serial: String
        let key: _RSA.Encryption.PrivateKey

        var manifestKey: ManifestKey {
            get throws {
                let numbers = try key.publicKey.getKeyPrimitives()
                let jwk = JSONObject([
                    .init(name: "e", value: .string(Base64URL.string(Array(numbers.publicExponent)))),
                    .init(name: "kty", value: "RSA"),
                    .init(name: "n", value: .string(Base64URL.string(Array(numbers.modulus)))),
                ])
                return ManifestKey(
                    kid: ManifestKey.thumbprint(of: jwk), label: "kek", id: "01", token: serial,
                    algorithm: "RSA-OAEP-256", purpose: .kek, state: .active, provenance: .generated, jwk: jwk,
                    evidence: [:], gate: nil)
            }
        }

        var recipient: SecretRecipient { get throws { SecretRecipient(try manifestKey) } }

        func dataKey(_ envelope: SealedSecret) throws -> [UInt8] {
            let kid = try manifestKey.kid
            let wrapped = try #require(envelope.keys.first { $0.kid == kid }?.wrapped)
            return Array(try key.decrypt(wrapped, padding: .PKCS1_OAEP_SHA256))
        }

        func open(_ envelope: SealedSecret) throws -> [UInt8] {
            let dataKey = try dataKey(envelope)
            return try envelope.open(dataKey.span).withSpan { span in span.indices.map { span[$0] } }
        }
    }

    // Made once: RSA keys take seconds in a debug build.
    private static let keys = Task {
        try await onOwnThread {
            try (0..<3).map { _ in try _RSA.Encryption.PrivateKey(keySize: .bits3072).pemRepresentation }
        }
    }

    private let tokens: [Token]
    /// One for which nothing is sealed at first.
    private let third: Token

    init() async throws {
        let all = try await Self.keys.value.enumerated().map { number, key in
            Token(serial: "serial-\(number + 1)", key: try .init(pemRepresentation: key))
        }
        (tokens, third) = (Array(all[..<2]), all[2])
    }

    private func seal(
        _ bytes: [UInt8] = value, name: String = "crm-client", version: Int64 = 1, to recipients: [Token]? = nil
    ) throws -> SealedSecret {
        try SealedSecret(
            sealing: try LockedBytes(copying: bytes), name: name, version: version,
            appliance: QuorumFixture.appliance, manifest: 1,
            recipients: try (recipients ?? tokens).map { try $0.recipient }, now: QuorumFixture.now)
    }

    private func code(_ body: () throws -> Void) -> CustodyError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? CustodyError)?.code
        }
    }

    @Test func everyTokenOpensItAndItsFileShowsNothing() throws {
        let envelope = try seal()
        for token in tokens { #expect(try token.open(envelope) == Self.value) }
        let read = try SealedSecret(file: envelope.bytes)
        #expect(read == envelope && read.hash == envelope.hash)
        #expect(!String(decoding: envelope.bytes, as: UTF8.self).contains("canary"))
        #expect(try seal().bytes != envelope.bytes)
    }

    @Test(arguments: ["name", "version", "appliance", "manifest", "created", "commitment", "nonce", "ciphertext"])
    func whatIsChangedDoesNotOpen(member: String) throws {
        let envelope = try seal()
        var object = try #require(JSONParser.parse(Array(envelope.bytes.dropLast())).object)
        switch member {
        case "name": object[member] = "another"
        case "version", "manifest": object[member] = 2
        case "appliance": object[member] = "ff112233445566778899aabbccddeeff"
        case "created": object[member] = .string(QuorumFixture.now.adding(seconds: 1).rfc3339)
        default:
            var bytes = try #require(object[member]?.string.flatMap { Base64URL.decode($0) })
            bytes[3] ^= 1
            object[member] = .string(Base64URL.string(bytes))
        }
        let changed = try SealedSecret(file: JSONWriter.canonical(.object(object)) + [0x0A])
        #expect(code { _ = try tokens[0].open(changed) } == .notOpened)
    }

    @Test func theDataKeyOfAnotherEnvelopeDoesNotOpenIt() throws {
        let (one, other) = (try seal(), try seal())
        let dataKey = try tokens[0].dataKey(other)
        #expect(code { _ = try one.open(dataKey.span) } == .notOpened)
        let half = Array(dataKey[..<16])
        #expect(code { _ = try one.open(half.span) } == .notOpened)
        #expect(code { _ = try one.rewrapped(dataKey.span, to: [try tokens[1].recipient]) } == .notOpened)
    }

    @Test func aPersonOfTheManifestVouchesForAllButTheWrappedKeys() throws {
        let fixture = try QuorumFixture()
        var envelope = try seal()
        #expect(code { _ = try envelope.sealer(under: fixture.genesis) } == .badSignature)
        envelope.signature = try fixture.people[1].sign(envelope.signedBytes, .envelope)
        #expect(try envelope.sealer(under: fixture.genesis) == "bob")
        // Wrapped to other tokens it is the same secret, under the same signature.
        let dataKey = try tokens[0].dataKey(envelope)
        let rewrapped = try envelope.rewrapped(dataKey.span, to: [try third.recipient])
        #expect(try rewrapped.sealer(under: fixture.genesis) == "bob")
        #expect(try third.open(rewrapped) == Self.value && rewrapped.hash != envelope.hash)
        #expect(rewrapped.keys.count == 1)
        envelope.signature = try QuorumFixture.Someone("mallory").sign(envelope.signedBytes, .envelope)
        #expect(code { _ = try envelope.sealer(under: fixture.genesis) } == .stranger)
        envelope.signature = try fixture.people[1].sign(envelope.signedBytes, .plan)
        #expect(code { _ = try envelope.sealer(under: fixture.genesis) } == .wrongNamespace)
        envelope.signature = try fixture.people[1].sign(try seal().signedBytes, .envelope)
        #expect(code { _ = try envelope.sealer(under: fixture.genesis) } == .badSignature)
        let foreign = try QuorumFixture(appliance: "ff112233445566778899aabbccddeeff")
        #expect(code { _ = try envelope.sealer(under: foreign.genesis) } == .foreign)
    }

    @Test func aRemovalIsOnePersonsWordForOneVersion() throws {
        let fixture = try QuorumFixture()
        let removal = SecretRemoval(name: "crm-client", version: 2, appliance: QuorumFixture.appliance)
        let signature = try fixture.people[0].sign(removal.bytes, .envelope)
        #expect(try removal.remover(signature: signature, under: fixture.genesis) == "alice")
        let other = SecretRemoval(name: "crm-client", version: 3, appliance: QuorumFixture.appliance)
        #expect(code { _ = try other.remover(signature: signature, under: fixture.genesis) } == .badSignature)
        #expect(code { _ = try removal.remover(signature: nil, under: fixture.genesis) } == .badSignature)
    }

    @Test func aTokenWithoutAKeyEncryptionKeyIsNamed() throws {
        let fixture = try QuorumFixture()
        #expect(code { _ = try fixture.genesis.secretRecipients } == .unsupported)
        var manifest = fixture.genesis
        let key = try tokens[0].manifestKey
        manifest.keys.append(key)
        manifest.tokens[0].keyEncryptionKey = key.jwk
        #expect(try manifest.secretRecipients == [try tokens[0].recipient])
        manifest.keys[manifest.keys.count - 1].state = .retired
        #expect(code { _ = try manifest.secretRecipients } == .unsupported)
        #expect(throws: SchemaFault.self) { _ = try Manifest(jsonBytes: manifest.jsonBytes) }
    }

    @Test(arguments: ["", "../x", "A", String(repeating: "a", count: 65), ".hidden", "a b"])
    func aNameThatCouldMeanAnotherFileIsRefused(name: String) {
        #expect(code { _ = try seal(name: name) } == .malformed)
    }

    @Test func valuesAreBounded() throws {
        #expect(code { _ = try seal([]) } == .malformed)
        #expect(code { _ = try seal([UInt8](repeating: 1, count: SealedSecret.longestValue + 1)) } == .malformed)
        let longest = try seal([UInt8](repeating: 1, count: SealedSecret.longestValue))
        #expect(try SealedSecret(file: longest.bytes) == longest)
        #expect(code { _ = try SealedSecret(file: longest.bytes + [0x0A]) } == .malformed)
        #expect(code { _ = try SealedSecret(file: Array("{}".utf8)) } == .malformed)
    }
}
