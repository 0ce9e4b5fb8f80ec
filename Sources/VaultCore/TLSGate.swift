package import CoreProtocol

/// Decides what a listener's TLS key may sign: a TLS 1.3 server CertificateVerify and nothing else.
///
/// The fixed prefix can be the start of no JWT, certificate or checkpoint, so a front in the wrong hands cannot turn
/// the key to another use. Source: RFC 8446 section 4.4.3.
package enum TLSGate {
    private static let prefix =
        [UInt8](repeating: 0x20, count: 64) + Array("TLS 1.3, server CertificateVerify".utf8) + [0]

    /// Refuses data that is not the prefix followed by a SHA-256 or SHA-384 transcript hash.
    package static func check(_ data: [UInt8]) throws(CoreError) {
        let hashLength = data.count - prefix.count
        guard hashLength == 32 || hashLength == 48, data.starts(with: prefix) else {
            throw CoreError(.refused, "data: is not a TLS 1.3 server CertificateVerify")
        }
    }
}
