import StrictEncoding

/// The text form of binary files: base 64 between two marks, in exactly one accepted layout.
struct Armor {
    /// What stands between `-----BEGIN ` and `-----`.
    let name: String
    /// Characters a line; only the last may be shorter.
    let columns: Int

    /// Of SSH signatures, as ssh-keygen writes them (PROTOCOL.sshsig, "Armored format").
    static let sshSignature = Armor(name: "SSH SIGNATURE", columns: 70)
    /// Of private keys, as ssh-keygen writes them (PROTOCOL.key).
    static let sshPrivateKey = Armor(name: "OPENSSH PRIVATE KEY", columns: 70)
    /// Of age files (C2SP age, "ASCII armor"; RFC 7468).
    static let age = Armor(name: "AGE ENCRYPTED FILE", columns: 64)

    func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text = Array("-----BEGIN \(name)-----\n".utf8)
        let digits = Array(StandardBase64.string(bytes).utf8)
        for start in stride(from: 0, to: digits.count, by: columns) {
            text += digits[start..<min(start + columns, digits.count)] + [0x0A]
        }
        return text + Array("-----END \(name)-----\n".utf8)
    }

    func isPresent(in text: [UInt8]) -> Bool { text.starts(with: "-----BEGIN \(name)-----".utf8) }

    func decode(_ text: [UInt8]) throws(CustodyError) -> [UInt8] {
        var lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        guard lines.count >= 3, lines[0].elementsEqual("-----BEGIN \(name)-----".utf8),
            lines[lines.count - 1].elementsEqual("-----END \(name)-----".utf8)
        else { throw CustodyError(.malformed, "is no \(name)") }
        let body = lines[1..<lines.count - 1]
        guard body.dropLast().allSatisfy({ $0.count == columns }),
            let last = body.last, (1...columns).contains(last.count),
            let bytes = StandardBase64.decode(Array(body.joined()))
        else { throw CustodyError(.malformed, "its base 64 is not laid out as it must be") }
        return bytes
    }
}
