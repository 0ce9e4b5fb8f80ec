import Crypto
import Foundation
import NIOSSL
import StrictEncoding
import SwiftASN1
import X509

/// A certificate and its key for a bare server, made for one measurement and kept in memory.
struct BareIdentity {
    /// The self-signed certificate.
    let certificatePEM: String
    private let keyPEM: String

    /// A new P-256 key, certified for 127.0.0.1 for a day.
    init(now: UnixTime) throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let name = try DistinguishedName { CommonName("bench") }
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey,
            notValidBefore: Date(timeIntervalSince1970: Double(now.seconds - 300)),
            notValidAfter: Date(timeIntervalSince1970: Double(now.seconds + 86_400)), issuer: name, subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions { BasicConstraints.isCertificateAuthority(maxPathLength: 0) },
            issuerPrivateKey: key)
        certificatePEM = try certificate.serializeAsPEM().pemString + "\n"
        keyPEM = try key.serializeAsPEM().pemString
    }

    /// Mutual TLS 1.3 for clients whom the certificates of a PEM file vouch for.
    func serverConfiguration(clientAuthorities file: String) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(certificatePEM.utf8)).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(keyPEM.utf8), format: .pem)))
        tls.minimumTLSVersion = .tlsv13
        tls.certificateVerification = .noHostnameVerification
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
        return tls
    }
}
