/// Bech32 without a limit of length (BIP 173), as age writes recipients and identities.
enum Bech32 {
    private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
    private static let generator: [UInt32] = [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3]

    /// Lower-case text of `data` with a human-readable part.
    static func encode(_ prefix: String, _ data: [UInt8]) -> [UInt8] {
        let words = regroup(data, from: 8, to: 5, isPadded: true) ?? []
        let checksum = polymod(expand(prefix) + words + [0, 0, 0, 0, 0, 0]) ^ 1
        let tail = (0..<6).map { UInt8(truncatingIfNeeded: checksum >> (5 * (5 - UInt32($0))) & 31) }
        return Array(prefix.utf8) + [UInt8(ascii: "1")] + (words + tail).map { alphabet[Int($0)] }
    }

    /// The data behind `prefix`, in lower case or in upper case but never in both; nil for anything else.
    static func decode(_ text: [UInt8], prefix: String) -> [UInt8]? {
        let isUpper = text.contains { (0x41...0x5A).contains($0) }
        guard !(isUpper && text.contains { (0x61...0x7A).contains($0) }), text.count <= 128 else { return nil }
        var lower = text.map { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }
        defer { LockedBytes.wipe(&lower) }
        let head = Array(prefix.utf8) + [UInt8(ascii: "1")]
        guard lower.starts(with: head) else { return nil }
        var words: [UInt8] = []
        words.reserveCapacity(lower.count)
        defer { LockedBytes.wipe(&words) }
        for letter in lower.dropFirst(head.count) {
            guard let value = alphabet.firstIndex(of: letter) else { return nil }
            words.append(UInt8(value))
        }
        guard words.count >= 6, polymod(expand(prefix) + words) == 1 else { return nil }
        return regroup(Array(words.dropLast(6)), from: 5, to: 8, isPadded: false)
    }

    private static func expand(_ prefix: String) -> [UInt8] {
        prefix.utf8.map { $0 >> 5 } + [0] + prefix.utf8.map { $0 & 31 }
    }

    private static func polymod(_ values: [UInt8]) -> UInt32 {
        values.reduce(1) { checksum, value in
            let top = checksum >> 25
            var next = (checksum & 0x1FF_FFFF) << 5 ^ UInt32(value)
            for (bit, term) in generator.enumerated() where top >> UInt32(bit) & 1 == 1 { next ^= term }
            return next
        }
    }

    private static func regroup(_ values: [UInt8], from: UInt32, to: UInt32, isPadded: Bool) -> [UInt8]? {
        var (buffer, bits): (UInt32, UInt32) = (0, 0)
        var result: [UInt8] = []
        for value in values {
            buffer = (buffer << from | UInt32(value)) & 0xFFFF
            bits += from
            while bits >= to {
                bits -= to
                result.append(UInt8(truncatingIfNeeded: buffer >> bits & ((1 << to) - 1)))
            }
        }
        if isPadded {
            if bits > 0 { result.append(UInt8(truncatingIfNeeded: buffer << (to - bits) & ((1 << to) - 1))) }
        } else if bits >= from || buffer & ((1 << bits) - 1) != 0 {
            return nil
        }
        return result
    }
}
