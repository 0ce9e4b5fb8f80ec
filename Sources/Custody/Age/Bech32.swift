/// Bech32 without a limit of length (BIP 173), as age writes recipients and identities.
enum Bech32 {
    private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
    private static let generator: [UInt32] = [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3]

    /// Lower-case text of `data` with a human-readable part.
    static func encode(_ prefix: String, _ data: [UInt8]) -> [UInt8] {
        let words = regroup(data)
        let checksum = polymod(expand(prefix) + words + [0, 0, 0, 0, 0, 0]) ^ 1
        let tail = (0..<6).map { UInt8(truncatingIfNeeded: checksum >> (5 * (5 - UInt32($0))) & 31) }
        return Array(prefix.utf8) + [UInt8(ascii: "1")] + (words + tail).map { alphabet[Int($0)] }
    }

    /// The data behind `prefix`, in lower case or in upper case but never in both; nil for anything else.
    static func decode(_ text: [UInt8], prefix: String) -> [UInt8]? {
        var data = [UInt8](repeating: 0, count: text.count)
        var room = data.mutableSpan
        guard let count = decode(text.span, prefix: prefix, into: &room) else { return nil }
        return Array(data[..<count])
    }

    /// The same for a secret: nothing of it is anywhere but in `room`, which must be as long as the text.
    ///
    /// - Returns: How many bytes were written; nil for what is no such text.
    static func decode(_ text: Span<UInt8>, prefix: String, into room: inout MutableSpan<UInt8>) -> Int? {
        let head = Array(prefix.utf8) + [UInt8(ascii: "1")]
        guard text.count <= 128, text.count >= head.count + 6, room.count >= text.count else { return nil }
        let isUpper = text.indices.contains { (0x41...0x5A).contains(text[$0]) }
        guard !(isUpper && text.indices.contains { (0x61...0x7A).contains(text[$0]) }) else { return nil }
        func letter(_ index: Int) -> UInt8 { (0x41...0x5A).contains(text[index]) ? text[index] + 32 : text[index] }
        guard head.indices.allSatisfy({ letter($0) == head[$0] }) else { return nil }
        var checksum = polymod(expand(prefix))
        var (buffer, bits, count): (UInt32, UInt32, Int) = (0, 0, 0)
        for index in head.count..<text.count {
            guard let value = alphabet.firstIndex(of: letter(index)) else { return nil }
            checksum = step(checksum, UInt8(value))
            // The last six are the checksum.
            guard index < text.count - 6 else { continue }
            (buffer, bits) = ((buffer << 5 | UInt32(value)) & 0xFFFF, bits + 5)
            guard bits >= 8 else { continue }
            bits -= 8
            room[count] = UInt8(truncatingIfNeeded: buffer >> bits)
            count += 1
        }
        guard checksum == 1, bits < 5, buffer & ((1 << bits) - 1) == 0 else { return nil }
        return count
    }

    private static func expand(_ prefix: String) -> [UInt8] {
        prefix.utf8.map { $0 >> 5 } + [0] + prefix.utf8.map { $0 & 31 }
    }

    private static func polymod(_ values: [UInt8]) -> UInt32 { values.reduce(1, step) }

    private static func step(_ checksum: UInt32, _ value: UInt8) -> UInt32 {
        let top = checksum >> 25
        var next = (checksum & 0x1FF_FFFF) << 5 ^ UInt32(value)
        for (bit, term) in generator.enumerated() where top >> UInt32(bit) & 1 == 1 { next ^= term }
        return next
    }

    /// Eight bits to five, filled up with zero bits.
    private static func regroup(_ values: [UInt8]) -> [UInt8] {
        var (buffer, bits): (UInt32, UInt32) = (0, 0)
        var result: [UInt8] = []
        for value in values {
            (buffer, bits) = ((buffer << 8 | UInt32(value)) & 0xFFFF, bits + 8)
            while bits >= 5 {
                bits -= 5
                result.append(UInt8(truncatingIfNeeded: buffer >> bits & 31))
            }
        }
        if bits > 0 { result.append(UInt8(truncatingIfNeeded: buffer << (5 - bits) & 31)) }
        return result
    }
}
