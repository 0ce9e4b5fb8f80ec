/// Words to read aloud over a telephone: each says 16 bits (proquints, arXiv:0901.4016).
enum Proquint {
    private static let consonants = Array("bdfghjklmnprstvz")
    private static let vowels = Array("aiou")

    /// One word for every two bytes.
    static func words(_ bytes: some Collection<UInt8>) -> [String] {
        let bytes = Array(bytes)
        return stride(from: 0, to: bytes.count - 1, by: 2).map { index in
            let value = Int(bytes[index]) << 8 | Int(bytes[index + 1])
            return String([
                consonants[value >> 12], vowels[value >> 10 & 3], consonants[value >> 6 & 15], vowels[value >> 4 & 3],
                consonants[value & 15],
            ])
        }
    }
}
