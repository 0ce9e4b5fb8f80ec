/// How an ECDSA signature is written; the other algorithms have one form each.
enum SignatureForm: Sendable {
    /// r and s side by side, each as long as the curve's coordinates (RFC 7518 section 3.4); tokens answer so.
    case jose
    /// ECDSA-Sig-Value (RFC 3279 section 2.2.3), as TLS 1.3 wants it (RFC 8446 section 4.2.3), and signed notes too.
    case der

    /// The signature of a token in this form.
    func encode(_ signature: [UInt8], algorithm: KeyAlgorithm) -> [UInt8] {
        switch (self, algorithm) {
        case (.der, .es256), (.der, .es384):
            let half = signature.count / 2
            let body = SignatureForm.integer(signature[..<half]) + SignatureForm.integer(signature[half...])
            // r and s of P-384 need at most 102 bytes: the short form of a DER length always does.
            return [0x30, UInt8(truncatingIfNeeded: body.count)] + body
        default: return signature
        }
    }

    /// DER INTEGER of an unsigned big-endian number.
    private static func integer(_ number: ArraySlice<UInt8>) -> [UInt8] {
        var digits = Array(number.drop { $0 == 0 })
        if digits.first.map({ $0 >= 0x80 }) ?? true { digits.insert(0, at: 0) }
        return [0x02, UInt8(truncatingIfNeeded: digits.count)] + digits
    }
}
