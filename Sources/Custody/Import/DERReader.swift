/// Reads DER (ITU-T X.690) in locked memory one element after the other: it says where an element lies, and copies nothing.
struct DERReader {
    private let bytes: LockedBytes
    private var position: Int
    private let end: Int

    init(_ bytes: LockedBytes) { self.init(bytes, 0..<bytes.count) }

    init(_ bytes: LockedBytes, _ range: Range<Int>) {
        self.bytes = bytes
        (position, end) = (range.lowerBound, range.upperBound)
    }

    /// Whether the next element has this tag.
    func isNext(_ tag: UInt8) -> Bool { position < end && byte(position) == tag }

    /// The contents of the next element, which must have this tag.
    mutating func next(_ tag: UInt8) throws(CustodyError) -> Range<Int> {
        guard isNext(tag) else { throw DERReader.malformed }
        position += 1
        let length = try readLength()
        guard length <= end - position else { throw DERReader.malformed }
        defer { position += length }
        return position..<position + length
    }

    /// An unsigned INTEGER, big-endian, without a leading zero.
    mutating func unsigned() throws(CustodyError) -> Range<Int> {
        var number = try next(0x02)
        guard !number.isEmpty, byte(number.lowerBound) < 0x80 else { throw DERReader.malformed }
        while !number.isEmpty, byte(number.lowerBound) == 0 { number = number.lowerBound + 1..<number.upperBound }
        return number
    }

    /// An OCTET STRING.
    mutating func octets() throws(CustodyError) -> Range<Int> { try next(0x04) }

    /// A reader of the elements of a SEQUENCE.
    mutating func sequence() throws(CustodyError) -> DERReader { DERReader(bytes, try next(0x30)) }

    /// Refuses what nothing has read.
    func finish() throws(CustodyError) { guard position == end else { throw DERReader.malformed } }

    private func byte(_ index: Int) -> UInt8 { bytes.withSpan { $0[index] } }

    private mutating func readLength() throws(CustodyError) -> Int {
        guard position < end else { throw DERReader.malformed }
        let first = byte(position)
        position += 1
        guard first >= 0x80 else { return Int(first) }
        let count = Int(first & 0x7F)
        // DER: the shortest form, and never the indefinite one.
        guard (1...3).contains(count), end - position >= count, byte(position) != 0 else {
            throw DERReader.malformed
        }
        let length = (position..<position + count).reduce(0) { $0 << 8 | Int(byte($1)) }
        guard length >= 0x80 else { throw DERReader.malformed }
        position += count
        return length
    }

    /// Tag and length of an element whose contents follow.
    static func head(_ tag: UInt8, length count: Int) -> [UInt8] {
        guard count >= 0x80 else { return [tag, UInt8(truncatingIfNeeded: count)] }
        let digits = (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) }.drop { $0 == 0 }
        return [tag, 0x80 | UInt8(digits.count)] + digits
    }

    /// An element that holds no secret.
    static func element(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] { head(tag, length: contents.count) + contents }

    private static var malformed: CustodyError { CustodyError(.malformed, "the key is not DER as it should be") }
}
