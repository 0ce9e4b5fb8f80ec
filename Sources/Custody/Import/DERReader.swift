/// Reads DER (ITU-T X.690) one element after the other, without copying what it does not return.
struct DERReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// Whether nothing is left.
    var isAtEnd: Bool { position == bytes.endIndex }

    /// Whether the next element has this tag.
    func isNext(_ tag: UInt8) -> Bool { !isAtEnd && bytes[position] == tag }

    /// The contents of the next element, which must have this tag.
    mutating func next(_ tag: UInt8) throws(CustodyError) -> ArraySlice<UInt8> {
        guard isNext(tag) else { throw DERReader.malformed }
        position += 1
        let length = try readLength()
        guard length <= bytes.endIndex - position else { throw DERReader.malformed }
        defer { position += length }
        return bytes[position..<position + length]
    }

    /// An unsigned INTEGER, big-endian, without a leading zero.
    mutating func unsigned() throws(CustodyError) -> ArraySlice<UInt8> {
        let number = try next(0x02)
        guard let first = number.first, first < 0x80 else { throw DERReader.malformed }
        return number.drop { $0 == 0 }
    }

    /// An OCTET STRING.
    mutating func octets() throws(CustodyError) -> ArraySlice<UInt8> { try next(0x04) }

    /// A reader of the elements of a SEQUENCE.
    mutating func sequence() throws(CustodyError) -> DERReader { DERReader(try next(0x30)) }

    /// Refuses what nothing has read.
    func finish() throws(CustodyError) { guard isAtEnd else { throw DERReader.malformed } }

    private mutating func readLength() throws(CustodyError) -> Int {
        guard !isAtEnd else { throw DERReader.malformed }
        let first = bytes[position]
        position += 1
        guard first >= 0x80 else { return Int(first) }
        let count = Int(first & 0x7F)
        // DER: the shortest form, and never the indefinite one.
        guard (1...3).contains(count), bytes.endIndex - position >= count, bytes[position] != 0 else {
            throw DERReader.malformed
        }
        let length = bytes[position..<position + count].reduce(0) { $0 << 8 | Int($1) }
        guard length >= 0x80 else { throw DERReader.malformed }
        position += count
        return length
    }

    /// An element around contents.
    static func element(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] {
        var length = [UInt8(truncatingIfNeeded: contents.count)]
        if contents.count >= 0x80 {
            let digits = (0..<4).map { UInt8(truncatingIfNeeded: contents.count >> (24 - 8 * $0)) }.drop { $0 == 0 }
            length = [0x80 | UInt8(digits.count)] + digits
        }
        return [tag] + length + contents
    }

    private static var malformed: CustodyError { CustodyError(.malformed, "the key is not DER as it should be") }
}
