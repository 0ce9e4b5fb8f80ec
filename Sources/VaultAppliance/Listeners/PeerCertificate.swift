import Crypto
import FoundationEssentials
package import StrictEncoding
import SwiftASN1
package import X509

/// What the front needs to know of a certificate, read once a connection.
///
/// A name enters only as visible ASCII: NUL, controls and other characters make it as if the certificate had no such
/// name (CVE-2025-66220, CVE-2026-43820), and two names that Swift holds equal are then the same bytes.
package struct PeerCertificate: Sendable, Hashable {
    /// The subject as RFC 4514 writes it; nil when it is empty or not all visible ASCII.
    package let subject: String?
    /// The URIs of the subject alternative name, SPIFFE ids among them.
    ///
    /// Source: RFC 5280 section 4.2.1.6.
    package let uris: [String]
    /// The DNS names of the subject alternative name, as they stand, wild cards included.
    package let dnsNames: [String]
    /// The first moment of validity.
    package let notBefore: UnixTime
    /// The last second of validity; callers check it on every request, because connections outlive certificates.
    package let notAfter: UnixTime
    /// SHA-256 of the DER form in base64url: `x5t#S256`.
    ///
    /// Source: RFC 8705 section 3.1.
    package let thumbprint: String
    /// SHA-256 of the DER form in lower-case hex, for the audit log.
    package let fingerprint: String

    /// More alternative names of one kind than this make none of them count.
    static let maximumNames = 32
    /// A longer name does not count.
    static let maximumNameBytes = 1024

    /// Reads a certificate in strict DER.
    package init(der: [UInt8]) throws(ListenerError) {
        do {
            self.init(try Certificate(derEncoded: der), der: der)
        } catch {
            throw ListenerError(.malformedCertificate, "not an X.509 certificate in DER")
        }
    }

    /// Takes what matters out of a parsed certificate whose DER form is `der`.
    package init(_ certificate: Certificate, der: [UInt8]) {
        let digest = Array(SHA256.hash(data: der))
        thumbprint = Base64URL.string(digest)
        fingerprint = Hexadecimal.string(digest)
        subject = certificate.subject.rfc4514
        notBefore = UnixTime(seconds: Int64(certificate.notValidBefore.timeIntervalSince1970.rounded(.down)))
        notAfter = UnixTime(seconds: Int64(certificate.notValidAfter.timeIntervalSince1970.rounded(.down)))
        // An extension that cannot be read names nobody.
        let names = (try? certificate.extensions.subjectAlternativeNames).flatMap { $0 }.map(Array.init) ?? []
        uris = Self.visible(names) { if case .uniformResourceIdentifier(let uri) = $0 { uri } else { nil } }
        dnsNames = Self.visible(names) { if case .dnsName(let name) = $0 { name } else { nil } }
    }

    /// Whether the certificate is valid at `now`, both ends included.
    ///
    /// Source: RFC 5280 section 4.1.2.5.
    package func isValid(at now: UnixTime) -> Bool {
        notBefore.seconds <= now.seconds && now.seconds <= notAfter.seconds
    }

    private static func visible(_ names: [GeneralName], _ kind: (GeneralName) -> String?) -> [String] {
        let all = names.compactMap(kind)
        guard all.count <= maximumNames else { return [] }
        return all.filter { name in
            !name.isEmpty && name.utf8.count <= maximumNameBytes && name.utf8.allSatisfy { 0x21...0x7E ~= $0 }
        }
    }
}
