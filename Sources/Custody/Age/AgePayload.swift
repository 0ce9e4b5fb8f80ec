import Crypto
import Foundation

/// The body of an age file: chunks of 64 KiB, each sealed, the last one marked (C2SP age, "Payload"; STREAM).
enum AgePayload {
    private static let nonceLength = 16
    private static let chunk = 65_536
    private static let tag = 16

    static func encrypt(_ plaintext: LockedBytes, fileKey: SymmetricKey) throws(CustodyError) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<nonceLength).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let key = payloadKey(fileKey, salt)
        let count = max(1, (plaintext.count + chunk - 1) / chunk)
        var output = salt
        for index in 0..<count {
            let range = index * chunk..<min(plaintext.count, (index + 1) * chunk)
            // Safety: the bytes are lent for the length of the call, and the range lies within them.
            let sealed = unsafe plaintext.withUnsafeBytes { bytes in
                // Safety: as above.
                try? unsafe ChaChaPoly.seal(
                    UnsafeRawBufferPointer(rebasing: bytes[range]), using: key,
                    nonce: nonce(index, isLast: index == count - 1))
            }
            guard let sealed else { throw CustodyError(.systemRefused, "age file: could not be encrypted") }
            output += sealed.ciphertext
            output += sealed.tag
        }
        return output
    }

    static func decrypt(_ body: [UInt8], fileKey: SymmetricKey) throws(CustodyError) -> LockedBytes {
        guard body.count >= nonceLength + tag else { throw AgeHeader.malformed("ends too early") }
        let key = payloadKey(fileKey, Array(body[..<nonceLength]))
        let sealed = Array(body[nonceLength...])
        let count = (sealed.count + chunk + tag - 1) / (chunk + tag)
        guard sealed.count - (count - 1) * (chunk + tag) >= (count == 1 ? tag : tag + 1) else {
            throw AgeHeader.malformed("has an empty last chunk")
        }
        var isWhole = true
        let plaintext = try LockedBytes(count: sealed.count - count * tag) { target in
            for index in 0..<count where isWhole {
                let range = index * (chunk + tag)..<min(sealed.count, (index + 1) * (chunk + tag))
                guard var opened = open(sealed[range], key, nonce(index, isLast: index == count - 1)) else {
                    isWhole = false
                    return
                }
                for (offset, byte) in opened.enumerated() { target[index * chunk + offset] = byte }
                opened.resetBytes(in: 0..<opened.count)
            }
        }
        guard isWhole else { throw CustodyError(.notOpened, "age file: its contents were changed") }
        return plaintext
    }

    private static func open(_ chunk: ArraySlice<UInt8>, _ key: SymmetricKey, _ nonce: ChaChaPoly.Nonce) -> Data? {
        guard
            let box = try? ChaChaPoly.SealedBox(
                nonce: nonce, ciphertext: Array(chunk.dropLast(tag)), tag: Array(chunk.suffix(tag)))
        else { return nil }
        return try? ChaChaPoly.open(box, using: key)
    }

    private static func payloadKey(_ fileKey: SymmetricKey, _ salt: [UInt8]) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: fileKey, salt: salt, info: Array("payload".utf8), outputByteCount: 32)
    }

    /// An 11-byte counter and the mark of the last chunk.
    private static func nonce(_ index: Int, isLast: Bool) -> ChaChaPoly.Nonce {
        var bytes = [UInt8](repeating: 0, count: 12)
        for position in 0..<8 { bytes[10 - position] = UInt8(truncatingIfNeeded: index >> (8 * position)) }
        bytes[11] = isLast ? 1 : 0
        guard let nonce = try? ChaChaPoly.Nonce(data: bytes) else { preconditionFailure("a nonce has 12 bytes") }
        return nonce
    }
}
