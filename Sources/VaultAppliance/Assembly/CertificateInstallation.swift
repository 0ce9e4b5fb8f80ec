import Foundation
import NIOCore
import NIOSSL
package import StrictEncoding
import SwiftASN1
import X509

/// Puts a listener's certificate in place, after checking that it is for the listener's key in the HSM.
package enum CertificateInstallation {
    /// Checks the chain as the front will and replaces the file whole; returns the end of its validity.
    ///
    /// Chains of the listener's keys in other tokens, which the file may hold besides, stay.
    package static func install(
        chainFile: String, listener: Configuration.TLSListener, keys: [KeyDirectory.ListenerKey], now: UnixTime
    ) throws -> UnixTime {
        let keys = keys.map { key(listener, $0) }
        // Checked before anything is written: a chain that cannot serve never takes the place of one that can.
        let installed = try TLSIdentity(chainFile: chainFile, keys: keys, now: now)
        let new = try CertificateChain.split(try TLSIdentity.read(chainFile), of: chainFile, for: keys)
        let file = URL(filePath: listener.certificateFile)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        let candidate = file.appendingPathExtension("new")
        defer { try? FileManager.default.removeItem(at: candidate) }
        let merged = new + kept(file.path, beside: new, keys)
        try Data(try merged.flatMap(\.certificates).map { try pem($0) }.joined().utf8).write(to: candidate)
        _ = try TLSIdentity(chainFile: candidate.path, keys: keys, now: now)
        try Data(contentsOf: candidate).write(to: file, options: .atomic)
        return installed.leaf.notAfter
    }

    /// What the certificates in a listener's file say, the leaves alone; no core is asked.
    package static func describe(_ listener: Configuration.TLSListener) throws -> [Description] {
        let path = listener.certificateFile
        return try TLSIdentity.read(path).compactMap { certificate in
            let der = try certificate.toDERBytes()
            guard let parsed = try? Certificate(derEncoded: der) else {
                throw ListenerError(.malformedCertificate, "\(path): holds a certificate that cannot be read")
            }
            if case .isCertificateAuthority? = try? parsed.extensions.basicConstraints { return nil }
            return Description(parsed, PeerCertificate(parsed, der: der))
        }
    }

    /// A listener's certificate in few words.
    package struct Description: Sendable {
        package let dnsNames: [String]
        package let addresses: [String]
        package let subject: String?
        package let notBefore: UnixTime
        package let notAfter: UnixTime
        package let fingerprint: String

        init(_ certificate: Certificate, _ peer: PeerCertificate) {
            let names = (try? certificate.extensions.subjectAlternativeNames).flatMap { $0 }.map(Array.init) ?? []
            dnsNames = peer.dnsNames
            addresses = names.compactMap { name in
                guard case .ipAddress(let address) = name else { return nil }
                return (try? SocketAddress(packedIPAddress: ByteBuffer(bytes: address.bytes), port: 0))?.ipAddress
            }
            subject = peer.subject
            notBefore = peer.notBefore
            notAfter = peer.notAfter
            fingerprint = peer.fingerprint
        }
    }

    /// The chains of other keys that are in place; a file that cannot be read is replaced.
    private static func kept(
        _ path: String, beside new: [CertificateChain], _ keys: [HSMTLSKey]
    ) -> [CertificateChain] {
        guard let old = try? CertificateChain.split(TLSIdentity.read(path), of: path, for: keys) else { return [] }
        return old.filter { chain in !new.contains { $0.key == chain.key } }
    }

    private static func pem(_ certificate: NIOSSLCertificate) throws -> String {
        PEMDocument(type: "CERTIFICATE", derBytes: try certificate.toDERBytes()).pemString + "\n"
    }

    /// A listener's key for comparison alone: it is asked to sign nothing.
    private static func key(_ listener: Configuration.TLSListener, _ key: KeyDirectory.ListenerKey) -> HSMTLSKey {
        HSMTLSKey(label: listener.key, kid: key.kid, publicKey: key.point) { _, _ in
            throw ListenerError(.keyFailed, "not for signing")
        }
    }
}
