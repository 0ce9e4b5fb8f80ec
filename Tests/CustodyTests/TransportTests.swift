import CryptoExtras
import Custody
import Foundation
import StrictEncoding
import Testing
import VaultTesting

/// A private key on its way from a custodian's computer into a token.
@Suite(.timeLimit(.minutes(10))) struct TransportTests {
    /// What can be wrong with a transport file; nothing is wrapped to it.
    enum Fault: String, CaseIterable, Sendable {
        case stranger, otherAppliance, otherManifest, otherToken, expired, changed, otherPurpose

        var code: CustodyError.Code {
            switch self {
            case .stranger: .stranger
            case .otherAppliance: .foreign
            case .otherManifest, .otherToken: .stale
            case .expired: .expired
            case .changed: .badSignature
            case .otherPurpose: .wrongNamespace
            }
        }
    }

    private let fixture: QuorumFixture
    private let token: _RSA.Encryption.PrivateKey

    // Made once: RSA keys take seconds in a debug build.
    private static let key = Task {
        try await onOwnThread { try _RSA.Encryption.PrivateKey(keySize: .bits3072).pemRepresentation }
    }

    init() async throws {
        fixture = try QuorumFixture()
        token = try .init(pemRepresentation: try await Self.key.value)
    }

    private func offer(now: UnixTime = QuorumFixture.now) throws -> TransportOffer {
        let numbers = try token.publicKey.getKeyPrimitives()
        return TransportOffer(
            appliance: QuorumFixture.appliance, manifest: fixture.genesis.hash,
            token: fixture.genesis.tokens[0].serial, label: "github", algorithm: "RSA-OAEP-256",
            jwk: JSONObject([
                .init(name: "e", value: .string(Base64URL.string(Array(numbers.publicExponent)))),
                .init(name: "kty", value: "RSA"),
                .init(name: "n", value: .string(Base64URL.string(Array(numbers.modulus)))),
            ]), evidence: ["CKA_UNWRAP": true], expires: now.adding(seconds: 3600))
    }

    private func file(_ offer: TransportOffer, by key: SSHPrivateKey? = nil, for purpose: SignaturePurpose = .transport)
        throws -> TransportFile
    {
        let signature = try (key ?? fixture.host).sign(offer.bytes, namespace: purpose.namespace)
        return TransportFile(offer: offer, signature: signature, chain: try fixture.chain)
    }

    @Test func aTrueOfferIsVerifiedAndSurvivesItsFile() throws {
        let made = try file(try offer())
        let read = try TransportFile(file: made.bytes)
        #expect(read.offer == made.offer)
        try read.verify(pin: CustodianPin(try fixture.chain), now: QuorumFixture.now)
        #expect(throws: CustodyError(.foreign, "")) { try read.verify(pin: nil, now: QuorumFixture.now) }
        let other = try ManifestChain(verifying: [
            try QuorumFixture(appliance: "ff112233445566778899aabbccddeeff").genesis
        ])
        #expect(throws: CustodyError(.foreign, "")) {
            try read.verify(pin: CustodianPin(other), now: QuorumFixture.now)
        }
    }

    @Test(arguments: Fault.allCases)
    func aFalseOfferIsRefusedForItsReason(fault: Fault) throws {
        var offer = try offer()
        var key: SSHPrivateKey?
        var purpose = SignaturePurpose.transport
        switch fault {
        case .stranger: key = try SSHPrivateKey()
        case .otherAppliance: offer.appliance = "ff112233445566778899aabbccddeeff"
        case .otherManifest: offer.manifest = String(repeating: "0", count: 64)
        case .otherToken: offer.token = "another"
        case .expired: offer.expires = QuorumFixture.now
        case .otherPurpose: purpose = .request
        case .changed: break
        }
        var file = try file(offer, by: key, for: purpose)
        if fault == .changed {
            offer.label = "another"
            file = TransportFile(offer: offer, signature: file.signature, chain: file.chain)
        }
        #expect(throws: CustodyError(fault.code, "")) {
            try file.verify(pin: CustodianPin(try fixture.chain), now: QuorumFixture.now)
        }
    }

    /// OpenSSL's own AES key wrap undoes ours, and finds the PKCS#8 it made itself.
    @Test func theCommandWrapsForTheTokenAloneAndOpenSSLAgrees() throws {
        let files = try TemporaryDirectory()
        func path(_ name: String) -> String { files.file(name).path }
        let now = UnixTime(seconds: Int64(Date().timeIntervalSince1970))
        try acceptAppliance(home: path("home"))
        let transport = try file(try offer(now: now))
        _ = try files.write(transport.bytes, to: "transport.json")
        try openssl("genrsa", "-traditional", "-out", path("key.pem"), "2048")
        let program = try BuildProduct.path(of: "vault-appliance")
        func wrap(to out: String) throws -> Program.Outcome {
            try Program.run([
                program, "custodian", "wrap-key", "--home", path("home"), "--transport", path("transport.json"),
                "--pem",
                path("key.pem"), "--out", path(out),
            ])
        }
        let said = try wrap(to: "wrapped.json")
        #expect(
            said.status == 0 && String(decoding: said.output, as: UTF8.self).contains("as github"), "\(said.errors)")
        let wrapped = try WrappedKey(file: try files.read("wrapped.json"))
        #expect(wrapped.offer == transport.offer.hash)
        let secret = try token.decrypt(wrapped.wrappedKey, padding: .PKCS1_OAEP_SHA256)
        _ = try files.write(wrapped.wrapped, to: "wrapped")
        try openssl(
            "enc", "-d", "-id-aes256-wrap-pad", "-K", Hexadecimal.string(Array(secret)), "-iv", "A65959A6", "-in",
            path("wrapped"), "-out", path("plain"))
        try openssl(
            "pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in", path("key.pem"), "-out", path("expected"))
        #expect(try files.read("plain") == files.read("expected"))
        // What is there is not overwritten, and a key that others may read is not taken.
        #expect(try wrap(to: "wrapped.json").errors.contains("exists already"))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path("key.pem"))
        #expect(try wrap(to: "other.json").errors.contains("chmod 600"))
        #expect(!FileManager.default.fileExists(atPath: path("other.json")))
    }

    private func openssl(_ arguments: String...) throws {
        let outcome = try Program.run(["openssl"] + arguments)
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    /// A home in which a custodian has accepted the appliance, without a share: only the pin is looked at.
    private func acceptAppliance(home: String) throws {
        let place = "\(home)/appliances/\(QuorumFixture.appliance)"
        try PrivateFile.makeDirectory(place)
        try PrivateFile.create("\(place)/pin.json", CustodianPin(try fixture.chain).bytes)
    }
}
