/// Writes one entry's JSON object straight into bytes, without a tree of values in between.
struct EntryWriter {
    private(set) var bytes: [UInt8] = []
    /// Where the time's text begins, once it is written.
    private(set) var timeOffset: Int?

    init() {
        bytes.reserveCapacity(768)
        bytes.append(UInt8(ascii: "{"))
    }

    mutating func close() { bytes.append(UInt8(ascii: "}")) }

    mutating func string(_ member: Entry.Member, _ value: String?) {
        guard let value else { return }
        name(member)
        write(value)
    }

    mutating func time(_ value: String?) {
        guard let value else { return }
        name(.time)
        timeOffset = bytes.count + 1
        write(value)
    }

    mutating func integer(_ member: Entry.Member, _ value: Int64?) {
        guard let value else { return }
        name(member)
        bytes.append(contentsOf: String(value).utf8)
    }

    mutating func strings(_ member: Entry.Member, _ values: [String]?) {
        guard let values else { return }
        name(member)
        list(values) { writer, value in writer.write(value) }
    }

    mutating func party(_ member: Entry.Member, _ value: Entry.Party?) {
        guard let value else { return }
        name(member)
        write(value)
    }

    mutating func parties(_ member: Entry.Member, _ values: [Entry.Party]?) {
        guard let values else { return }
        name(member)
        list(values) { writer, value in writer.write(value) }
    }

    mutating func map(_ member: Entry.Member, _ value: [String: String]?) {
        guard let value else { return }
        name(member)
        bytes.append(UInt8(ascii: "{"))
        let sorted = value.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
        for (position, element) in sorted.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            write(element.key)
            bytes.append(UInt8(ascii: ":"))
            write(element.value)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func name(_ member: Entry.Member) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: member.rawValue.utf8)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func list<Element>(_ elements: [Element], _ write: (inout EntryWriter, Element) -> Void) {
        bytes.append(UInt8(ascii: "["))
        for (position, element) in elements.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            write(&self, element)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func write(_ party: Entry.Party) {
        bytes.append(UInt8(ascii: "{"))
        if let iss = party.iss {
            bytes.append(contentsOf: "\"iss\":".utf8)
            write(iss)
            bytes.append(UInt8(ascii: ","))
        }
        bytes.append(contentsOf: "\"sub\":".utf8)
        write(party.sub)
        bytes.append(UInt8(ascii: "}"))
    }

    /// Most strings need no escape: they are copied whole and looked over once.
    private mutating func write(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        if bytes[start...].contains(where: EntryWriter.needsEscape) {
            bytes.removeSubrange(start...)
            for byte in text.utf8 { escape(byte) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    /// Source: RFC 8785 section 3.2.2.2.
    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
        case 0x08: bytes += Array("\\b".utf8)
        case 0x09: bytes += Array("\\t".utf8)
        case 0x0A: bytes += Array("\\n".utf8)
        case 0x0C: bytes += Array("\\f".utf8)
        case 0x0D: bytes += Array("\\r".utf8)
        case 0x20...: bytes.append(byte)
        default:
            let digits = Array("0123456789abcdef".utf8)
            bytes += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
}
