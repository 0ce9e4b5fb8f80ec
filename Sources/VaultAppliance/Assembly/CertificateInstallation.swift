package import Foundation
import NIOSSL
package import StrictEncoding
import SwiftASN1

/// Puts a listener's certificate in place, after checking that it is for the listener's key in the HSM.
package enum CertificateInstallation {
    /// Checks the chain as the front will and replaces the file whole; returns the end of its validity.
    ///
    /// Chains of the listener's keys in other tokens, which the file may hold besides, stay.
    package static func install(
        chain: Data, listener: Configuration.TLSListener, keys: [KeyDirectory.ListenerKey], now: UnixTime
    ) throws -> UnixTime {
        let keys = keys.map { key(listener, $0) }
        let file = URL(filePath: listener.certificateFile)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        // Checked under another name first: a chain that cannot serve never takes the place of one that can.
        let candidate = file.appendingPathExtension("new")
        try chain.write(to: candidate)
        defer { try? FileManager.default.removeItem(at: candidate) }
        let installed = try TLSIdentity(chainFile: candidate.path, keys: keys, now: now)
        let new = try CertificateChain.split(
            try TLSIdentity.read(candidate.path), of: candidate.path, for: keys)
        let merged = new + kept(file.path, beside: new, keys)
        try Data(try merged.flatMap(\.certificates).map { try pem($0) }.joined().utf8).write(to: candidate)
        _ = try TLSIdentity(chainFile: candidate.path, keys: keys, now: now)
        try Data(contentsOf: candidate).write(to: file, options: .atomic)
        return installed.leaf.notAfter
    }

    /// Whom a listener's certificates are for and when each ends.
    package static func describe(
        _ listener: Configuration.TLSListener, keys: [KeyDirectory.ListenerKey], now: UnixTime
    ) throws -> [(names: [String], notAfter: UnixTime)] {
        let identity = try TLSIdentity(
            chainFile: listener.certificateFile, keys: keys.map { key(listener, $0) }, now: now)
        return identity.leaves.map { ($0.dnsNames, $0.notAfter) }
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
