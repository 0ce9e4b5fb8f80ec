import Crypto
import Foundation
package import StrictEncoding
import SwiftASN1
import X509

/// A certificate authority for development and tests: one P-256 key, certificates good for 30 days (RFC 5280).
///
/// It signs listeners' certificates from requests, so that the listeners' keys can stay in the HSM, and makes client
/// certificates that name a workload by a SPIFFE id. Nothing here is fit for production: the CA key is in memory or in a file.
package struct DevelopmentPKI: Sendable {
    /// How long what is issued is valid, in days; the authority itself lives one day longer.
    package static let validDays: Int64 = 30

    private let certificate: Certificate
    private let key: Certificate.PrivateKey

    /// A new authority, valid from five minutes before `now`.
    package init(name: String = "Development CA", now: UnixTime) throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let subject = try DistinguishedName { CommonName(name) }
        let identifier = SubjectKeyIdentifier(hash: key.publicKey)
        let extensions = try Certificate.Extensions {
            Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
            Critical(KeyUsage(keyCertSign: true))
            identifier
            // Some verifiers want it in every certificate, in a self-signed one too.
            AuthorityKeyIdentifier(keyIdentifier: identifier.keyIdentifier)
        }
        let validity = Validity(now: now, days: Self.validDays + 1)
        certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey, notValidBefore: validity.start,
            notValidAfter: validity.end, issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: extensions, issuerPrivateKey: key)
        self.key = key
    }

    /// The authority whose certificate and key these PEM documents hold.
    package init(certificatePEM: String, keyPEM: String) throws {
        do {
            certificate = try Certificate(pemEncoded: certificatePEM)
            key = try Certificate.PrivateKey(pemEncoded: keyPEM)
        } catch {
            throw DevelopmentError(.certificate, "the authority's certificate or key cannot be read")
        }
        guard certificate.publicKey == key.publicKey else {
            throw DevelopmentError(.certificate, "the authority's certificate and key do not belong together")
        }
    }

    /// The authority's certificate, which clients and servers are given to trust.
    package var certificatePEM: String {
        get throws { try certificate.pemText }
    }

    /// The authority's private key (PKCS#8).
    package var keyPEM: String {
        get throws { try key.pemText }
    }

    /// A server certificate for the key and the alternative names of a certificate request (RFC 2986), as PEM.
    ///
    /// Whoever signed the request holds the key; names are taken as they are, for that is what a development CA is for.
    package func serverCertificate(forRequest requestPEM: String, now: UnixTime) throws -> String {
        guard let request = try? CertificateSigningRequest(pemEncoded: requestPEM) else {
            throw DevelopmentError(.certificate, "the certificate request cannot be read")
        }
        guard request.publicKey.isValidSignature(request.signature, for: request) else {
            throw DevelopmentError(.certificate, "the certificate request is not signed by the key it names")
        }
        guard let names = try request.attributes.extensionRequest?.extensions.subjectAlternativeNames, !names.isEmpty
        else {
            throw DevelopmentError(.certificate, "the certificate request names no host (subjectAltName)")
        }
        let issued = try issue(
            to: request.publicKey, subject: request.subject, names: names, usage: .serverAuth, now: now)
        return try issued.pemText
    }

    /// A new P-256 key with a client certificate that names the workload `spiffeID` (a URI, SPIFFE X.509-SVID section 2).
    package func clientCredential(spiffeID: String, commonName: String, now: UnixTime) throws -> ClientCredential {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let issued = try issue(
            to: key.publicKey, subject: try DistinguishedName { CommonName(commonName) },
            names: SubjectAlternativeNames([.uniformResourceIdentifier(spiffeID)]), usage: .clientAuth, now: now)
        return ClientCredential(certificatePEM: try issued.pemText, keyPEM: try key.pemText)
    }

    private func issue(
        to publicKey: Certificate.PublicKey, subject: DistinguishedName, names: SubjectAlternativeNames,
        usage: ExtendedKeyUsage.Usage, now: UnixTime
    ) throws -> Certificate {
        let extensions = try Certificate.Extensions {
            Critical(BasicConstraints.notCertificateAuthority)
            Critical(KeyUsage(digitalSignature: true))
            try ExtendedKeyUsage([usage])
            names
            SubjectKeyIdentifier(hash: publicKey)
            AuthorityKeyIdentifier(keyIdentifier: SubjectKeyIdentifier(hash: key.publicKey).keyIdentifier)
        }
        let validity = Validity(now: now, days: Self.validDays)
        return try Certificate(
            version: .v3, serialNumber: .init(), publicKey: publicKey, notValidBefore: validity.start,
            notValidAfter: validity.end, issuer: certificate.subject, subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions, issuerPrivateKey: key)
    }

    /// From five minutes ago, for clocks that differ.
    private struct Validity {
        let start: Date
        let end: Date

        init(now: UnixTime, days: Int64) {
            start = Date(timeIntervalSince1970: TimeInterval(now.seconds - 300))
            end = Date(timeIntervalSince1970: TimeInterval(now.seconds + days * 86_400))
        }
    }
}

extension Certificate {
    fileprivate var pemText: String {
        get throws { try serializeAsPEM().pemString + "\n" }
    }
}

extension Certificate.PrivateKey {
    fileprivate var pemText: String {
        get throws { try serializeAsPEM().pemString + "\n" }
    }
}
