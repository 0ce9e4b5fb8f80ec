/// The one block of a PEM text (RFC 7468), decoded from locked memory into locked memory.
struct PEMBlock {
    /// What stands after BEGIN.
    let label: String
    /// The decoded contents.
    let der: LockedBytes

    /// Reads a text with one private key; openssl writes `EC PARAMETERS` in front of `EC PRIVATE KEY`, which says nothing new.
    init(_ text: LockedBytes) throws(CustodyError) {
        var lines = PEMBlock.lines(text)[...]
        while let line = lines.popFirst() {
            guard PEMBlock.isLine(line, of: text, from: "-----BEGIN ") else { continue }
            let label = text.withSpan { span in String(decoding: line.dropFirst(11).map { span[$0] }, as: UTF8.self) }
            guard label.hasSuffix("-----") else { throw PEMBlock.malformed }
            var digits: [Range<Int>] = []
            while let line = lines.popFirst() {
                if PEMBlock.isLine(line, of: text, from: "-----END " + label, wholly: true) { break }
                let isOther = text.withSpan { span in line.contains { span[$0] == UInt8(ascii: ":") } }
                guard !isOther, !PEMBlock.isLine(line, of: text, from: "-----") else { throw PEMBlock.malformed }
                digits.append(line)
            }
            guard label != "EC PARAMETERS-----" else { continue }
            guard !lines.contains(where: { PEMBlock.isLine($0, of: text, from: "-----BEGIN ") }) else {
                throw PEMBlock.malformed
            }
            self.label = String(label.dropLast(5))
            der = try PEMBlock.decode(text, digits)
            return
        }
        throw PEMBlock.malformed
    }

    /// Where the lines are that are not empty.
    private static func lines(_ text: LockedBytes) -> [Range<Int>] {
        text.withSpan { span in
            var (lines, start): ([Range<Int>], Int) = ([], 0)
            for index in 0...span.count {
                guard index == span.count || span[index] == 0x0A || span[index] == 0x0D else { continue }
                if index > start { lines.append(start..<index) }
                start = index + 1
            }
            return lines
        }
    }

    private static func isLine(
        _ line: Range<Int>, of text: LockedBytes, from beginning: String, wholly: Bool = false
    ) -> Bool {
        let letters = Array(beginning.utf8)
        guard wholly ? line.count == letters.count : line.count >= letters.count else { return false }
        return text.withSpan { span in letters.indices.allSatisfy { span[line.lowerBound + $0] == letters[$0] } }
    }

    /// Base 64 (RFC 4648 section 4) in the one form that says these bytes.
    private static func decode(_ text: LockedBytes, _ lines: [Range<Int>]) throws(CustodyError) -> LockedBytes {
        let count = lines.reduce(0) { $0 + $1.count }
        let tail = lines.suffix(2).flatMap { Array($0) }.suffix(2)
        let padding = text.withSpan { span in tail.reversed().prefix { span[$0] == UInt8(ascii: "=") }.count }
        guard count > 0, count % 4 == 0 else { throw malformed }
        var isWhole = true
        let decoded = try LockedBytes(count: count / 4 * 3 - padding) { room in
            text.withSpan { span in
                var (buffer, bits, written, left): (UInt32, UInt32, Int, Int) = (0, 0, 0, count - padding)
                for index in lines.joined() where left > 0 {
                    left -= 1
                    guard let value = value(of: span[index]) else { return isWhole = false }
                    (buffer, bits) = (buffer << 6 | value, bits + 6)
                    guard bits >= 8 else { continue }
                    bits -= 8
                    room[written] = UInt8(truncatingIfNeeded: buffer >> bits)
                    buffer &= 1 << bits - 1
                    written += 1
                }
                isWhole = buffer == 0 && written == room.count
            }
        }
        guard isWhole else { throw malformed }
        return decoded
    }

    private static func value(of letter: UInt8) -> UInt32? {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(letter) - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(letter) - 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(letter) + 4
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    private static var malformed: CustodyError {
        CustodyError(.malformed, "the file is not PEM with one private key")
    }
}
