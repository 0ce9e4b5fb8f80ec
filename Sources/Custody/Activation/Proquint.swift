import Crypto
import StrictEncoding

/// Words to read aloud over a telephone: each says 16 bits (proquints, arXiv:0901.4016).
package enum Proquint {
    private static let consonants = Array("bdfghjklmnprstvz")
    private static let vowels = Array("aiou")

    /// Four words that say the first 64 bits of a hash in hexadecimal; empty when it is none.
    package static func phrase(hexadecimal hash: String) -> String {
        words((Hexadecimal.decode(hash) ?? []).prefix(8)).joined(separator: "-")
    }

    /// Four words that say the first 64 bits of a file's SHA-256.
    package static func phrase(sha256Of bytes: [UInt8]) -> String {
        words(Array(SHA256.hash(data: bytes)).prefix(8)).joined(separator: "-")
    }

    /// One word for every two bytes.
    static func words(_ bytes: some Collection<UInt8>) -> [String] {
        let bytes = Array(bytes)
        guard bytes.count >= 2 else { return [] }
        return stride(from: 0, to: bytes.count - 1, by: 2).map { index in
            let value = Int(bytes[index]) << 8 | Int(bytes[index + 1])
            return String([
                consonants[value >> 12], vowels[value >> 10 & 3], consonants[value >> 6 & 15], vowels[value >> 4 & 3],
                consonants[value & 15],
            ])
        }
    }
}
