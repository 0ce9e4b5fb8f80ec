import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import X509

@testable import VaultAppliance

/// A certificate authority of a test, and a directory for its files.
struct TestAuthority: Sendable {
    /// A certificate with the key it is for.
    struct Credential: Sendable {
        let certificate: Certificate
        let key: P256.Signing.PrivateKey

        var pem: String { get throws { try certificate.serializeAsPEM().pemString } }
        var der: [UInt8] {
            get throws {
                var serializer = DER.Serializer()
                try serializer.serialize(certificate)
                return serializer.serializedBytes
            }
        }
    }

    /// What a test asks of a certificate.
    struct Request: Sendable {
        var commonName = "test"
        var names: [GeneralName] = []
        var usage: [ExtendedKeyUsage.Usage] = [.clientAuth]
        var notBefore = Date(timeIntervalSinceNow: -3600)
        var notAfter = Date(timeIntervalSinceNow: 3600)
        var rawAlternativeName: [UInt8]?
    }

    let name: DistinguishedName
    let key = P256.Signing.PrivateKey()
    let certificate: Certificate

    init(_ commonName: String = "Test CA") throws {
        name = try DistinguishedName { CommonName(commonName) }
        certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey),
            notValidBefore: Date(timeIntervalSinceNow: -86_400), notValidAfter: Date(timeIntervalSinceNow: 86_400),
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            }, issuerPrivateKey: .init(key))
    }

    var pem: String { get throws { try certificate.serializeAsPEM().pemString } }

    /// The authority as the only one of a listener's clients.
    var forClients: ClientAuthorities { get throws { try ClientAuthorities(pem: Array(pem.utf8)) } }

    func issue(_ request: Request, key: P256.Signing.PrivateKey = .init()) throws -> Credential {
        var extensions = try Certificate.Extensions {
            Critical(BasicConstraints.notCertificateAuthority)
            Critical(KeyUsage(digitalSignature: true))
            try ExtendedKeyUsage(request.usage)
        }
        if let raw = request.rawAlternativeName {
            try extensions.append(
                .init(oid: .X509ExtensionID.subjectAlternativeName, critical: false, value: ArraySlice(raw)))
        } else if !request.names.isEmpty {
            try extensions.append(Certificate.Extension(SubjectAlternativeNames(request.names), critical: false))
        }
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: request.notBefore,
            notValidAfter: request.notAfter, issuer: name,
            subject: try DistinguishedName { CommonName(request.commonName) }, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: extensions, issuerPrivateKey: .init(self.key))
        return Credential(certificate: certificate, key: key)
    }

    /// A server certificate for `vault.test`.
    func issueServer(key: P256.Signing.PrivateKey = .init(), commonName: String = "vault.test") throws -> Credential {
        try issue(
            Request(commonName: commonName, names: [.dnsName("vault.test")], usage: [.serverAuth]), key: key)
    }
}

/// A directory that goes away with the value that holds it.
final class TestDirectory: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("listener-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and returns its path.
    func write(_ name: String, _ text: String) throws -> String {
        let file = path + "/" + name
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}
