import Crypto
import Foundation
import StrictEncoding

/// Files encrypted to X25519 recipients, as `age` reads and writes them (C2SP age, version 1).
package enum AgeFile {
    /// The largest plaintext, in bytes; shares have less than a hundred.
    package static let maximumPlaintext = 1 << 18
    /// The largest file that is read.
    package static let maximumBytes = maximumPlaintext * 2
    private static let stanzaInfo = Array("age-encryption.org/v1/X25519".utf8)

    /// Encrypts to all recipients; binary, or armored for people who paste it.
    package static func encrypt(
        _ plaintext: LockedBytes, to recipients: [AgeRecipient], isArmored: Bool = true
    ) throws(CustodyError) -> [UInt8] {
        guard plaintext.count <= maximumPlaintext, (1...AgeHeader.maximumStanzas).contains(recipients.count) else {
            throw CustodyError(.malformed, "age file: too long, or not for 1 to \(AgeHeader.maximumStanzas) recipients")
        }
        let fileKey = SymmetricKey(size: .bits128)
        var stanzas: [AgeHeader.Stanza] = []
        for recipient in recipients { stanzas.append(try wrap(fileKey, to: recipient)) }
        let covered = AgeHeader.covered(stanzas)
        let mac = StandardBase64.string(AgeHeader.mac(covered, fileKey: fileKey), isPadded: false)
        let file = covered + Array(" \(mac)\n".utf8) + (try AgePayload.encrypt(plaintext, fileKey: fileKey))
        return isArmored ? Armor.age.encode(file) : file
    }

    /// Decrypts a file, armored or not; nothing is returned of one that was changed anywhere.
    package static func decrypt(_ file: [UInt8], with identity: AgeIdentity) throws(CustodyError) -> LockedBytes {
        guard file.count <= maximumBytes else { throw AgeHeader.malformed("is too long") }
        let file = Armor.age.isPresent(in: file) ? try Armor.age.decode(file) : file
        let header = try AgeHeader(parsing: file)
        var fileKey: SymmetricKey?
        for stanza in header.stanzas {
            if let key = try unwrap(stanza, with: identity) {
                fileKey = key
                break
            }
        }
        guard let fileKey else {
            throw CustodyError(.notOpened, "age file: is not for the identity \(identity.recipient)")
        }
        guard header.hasValidMAC(fileKey: fileKey) else {
            throw CustodyError(.notOpened, "age file: its header was changed")
        }
        return try AgePayload.decrypt(Array(file[header.length...]), fileKey: fileKey)
    }

    private static func wrap(_ fileKey: SymmetricKey, to recipient: AgeRecipient) throws(CustodyError)
        -> AgeHeader.Stanza
    {
        let ephemeral = Curve25519.KeyAgreement.PrivateKey()
        let share = Array(ephemeral.publicKey.rawRepresentation)
        guard let peer = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: recipient.publicKey),
            let secret = try? ephemeral.sharedSecretFromKeyAgreement(with: peer)
        else { throw CustodyError(.malformed, "age recipient: is no usable X25519 key") }
        let key = wrappingKey(secret, share, recipient.publicKey)
        // A key is used once: the nonce is zero (C2SP age).
        guard let nonce = try? ChaChaPoly.Nonce(data: [UInt8](repeating: 0, count: 12)),
            let sealed = unsafe fileKey.withUnsafeBytes({
                unsafe try? ChaChaPoly.seal(Data($0), using: key, nonce: nonce)
            })
        else { throw CustodyError(.systemRefused, "age file: the file key could not be wrapped") }
        return AgeHeader.Stanza(
            arguments: [Array("X25519".utf8), Array(StandardBase64.string(share, isPadded: false).utf8)],
            body: Array(sealed.ciphertext + sealed.tag))
    }

    /// The file key, or nil when the stanza is for another.
    private static func unwrap(_ stanza: AgeHeader.Stanza, with identity: AgeIdentity) throws(CustodyError)
        -> SymmetricKey?
    {
        guard stanza.arguments[0].elementsEqual("X25519".utf8) else { return nil }
        guard stanza.arguments.count == 2, let share = StandardBase64.decodeUnpadded(stanza.arguments[1]),
            share.count == 32, stanza.body.count == 32
        else { throw AgeHeader.malformed("has a bad X25519 recipient") }
        // A point of low order gives a secret that everybody knows.
        guard let secret = identity.sharedSecret(with: share) else {
            throw AgeHeader.malformed("has an X25519 recipient of low order")
        }
        let key = wrappingKey(secret, share, identity.recipient.publicKey)
        guard let nonce = try? ChaChaPoly.Nonce(data: [UInt8](repeating: 0, count: 12)),
            let box = try? ChaChaPoly.SealedBox(
                nonce: nonce, ciphertext: stanza.body[..<16], tag: stanza.body[16...]),
            var opened = try? ChaChaPoly.open(box, using: key)
        else { return nil }
        defer { opened.resetBytes(in: 0..<opened.count) }
        return SymmetricKey(data: opened)
    }

    private static func wrappingKey(_ secret: SharedSecret, _ share: [UInt8], _ recipient: [UInt8]) -> SymmetricKey {
        secret.hkdfDerivedSymmetricKey(
            using: SHA256.self, salt: share + recipient, sharedInfo: stanzaInfo, outputByteCount: 32)
    }
}
