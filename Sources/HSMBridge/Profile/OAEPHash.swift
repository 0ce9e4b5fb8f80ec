/// The hash of RSA-OAEP (RFC 8017 section 7.1), also in its mask generation.
package enum OAEPHash: String, Sendable, CaseIterable {
    case sha1 = "SHA-1"
    case sha256 = "SHA-256"
}
