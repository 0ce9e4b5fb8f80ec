import Crypto

/// An age recipient of the X25519 kind: `age1...` (C2SP age, "The X25519 recipient type").
package struct AgeRecipient: Sendable, Hashable, CustomStringConvertible {
    let publicKey: [UInt8]

    /// Reads the text form, which is in lower case.
    package init(_ text: String) throws(CustodyError) {
        guard let key = Bech32.decode(Array(text.utf8), prefix: "age"), text.hasPrefix("age1") else {
            throw CustodyError(
                text.hasPrefix("age1") && text.utf8.contains(UInt8(ascii: "1")) ? .malformed : .unsupported,
                "age recipient: must be an X25519 one like age1...")
        }
        try self.init(publicKey: key)
    }

    init(publicKey: [UInt8]) throws(CustodyError) {
        guard publicKey.count == 32, (try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: publicKey)) != nil
        else { throw CustodyError(.malformed, "age recipient: must be an X25519 one like age1...") }
        self.publicKey = publicKey
    }

    /// The text form.
    package var description: String { String(decoding: Bech32.encode("age", publicKey), as: UTF8.self) }
}
