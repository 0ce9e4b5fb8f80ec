package import Foundation
import NIOSSL
package import StrictEncoding

/// Puts a listener's certificate in place, after checking that it is for the listener's key in the HSM.
package enum CertificateInstallation {
    /// Checks the chain as the front will and replaces the file whole; returns the end of its validity.
    package static func install(
        chain: Data, listener: Configuration.TLSListener, point: [UInt8], now: UnixTime
    ) throws -> UnixTime {
        let file = URL(filePath: listener.certificateFile)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        // Checked under another name first: a chain that cannot serve never takes the place of one that can.
        let candidate = file.appendingPathExtension("new")
        try chain.write(to: candidate)
        defer { try? FileManager.default.removeItem(at: candidate) }
        let identity = try TLSIdentity(chainFile: candidate.path, key: key(listener, point), now: now)
        try chain.write(to: file, options: .atomic)
        return identity.leaf.notAfter
    }

    /// Whom a listener's certificate is for and when it ends.
    package static func describe(
        _ listener: Configuration.TLSListener, point: [UInt8], now: UnixTime
    ) throws -> (names: [String], notAfter: UnixTime) {
        let identity = try TLSIdentity(chainFile: listener.certificateFile, key: key(listener, point), now: now)
        return (identity.leaf.dnsNames, identity.leaf.notAfter)
    }

    /// The listener's key for comparison alone: it is asked to sign nothing.
    private static func key(_ listener: Configuration.TLSListener, _ point: [UInt8]) -> HSMTLSKey {
        HSMTLSKey(label: listener.key, publicKey: point) { _, _ in throw ListenerError(.keyFailed, "not for signing") }
    }
}
