/// Writes JSON in the one form of RFC 8785 (JSON Canonicalization Scheme), or with members in their own order.
package struct JSONWriter {
    /// What has been written.
    package private(set) var bytes: [UInt8] = []
    private let sorted: Bool

    private init(sorted: Bool, capacity: Int) {
        self.sorted = sorted
        bytes.reserveCapacity(capacity)
    }

    /// The canonical bytes of a value: no white space, members sorted by UTF-16 code units.
    ///
    /// Source: RFC 8785 section 3.2.
    package static func canonical(_ value: JSONValue) -> [UInt8] {
        var writer = JSONWriter(sorted: true, capacity: 512)
        writer.write(value)
        return writer.bytes
    }

    /// The same without sorting: for what is signed once and read by programs that do not care for the order (JWTs).
    package static func compact(_ value: JSONValue) -> [UInt8] {
        var writer = JSONWriter(sorted: false, capacity: 512)
        writer.write(value)
        return writer.bytes
    }

    private mutating func write(_ value: JSONValue) {
        switch value {
        case .null: append("null")
        case .bool(let value): append(value ? "true" : "false")
        case .integer(let value): append(String(value))
        case .number(let value): append(JSONWriter.ecmaScript(value))
        case .string(let value): write(string: value)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                write(element)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object): write(object)
        }
    }

    private mutating func write(_ object: JSONObject) {
        bytes.append(UInt8(ascii: "{"))
        if sorted, object.members.count > 1 {
            for (position, index) in JSONWriter.order(of: object.members).enumerated() {
                write(object.members[index], isFirst: position == 0)
            }
        } else {
            for (index, member) in object.members.enumerated() { write(member, isFirst: index == 0) }
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func write(_ member: JSONObject.Member, isFirst: Bool) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        write(string: member.name)
        bytes.append(UInt8(ascii: ":"))
        write(member.value)
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// The indices of members in the order of their names' UTF-16 code units.
    ///
    /// That order is the one of UTF-8 bytes, but for characters beyond U+FFFF: their surrogates come before U+E000 to
    /// U+FFFF, so their first bytes (0xF0 to 0xF4) must come before 0xEE and 0xEF. Most names differ within their
    /// first eight bytes, which compare as one number.
    private static func order(of members: [JSONObject.Member]) -> [Int] {
        var heads: [(head: UInt64, index: Int)] = []
        heads.reserveCapacity(members.count)
        for (index, member) in members.enumerated() {
            let name = member.name.utf8.span
            var head: UInt64 = 0
            for position in 0..<8 { head = head << 8 | UInt64(position < name.count ? rank(name[position]) : 0) }
            heads.append((head, index))
        }
        heads.sort { left, right in
            if left.head != right.head { return left.head < right.head }
            return precedes(members[left.index].name, members[right.index].name)
        }
        return heads.map(\.index)
    }

    private static func precedes(_ left: String, _ right: String) -> Bool {
        let left = left.utf8.span
        let right = right.utf8.span
        for index in 0..<min(left.count, right.count) where left[index] != right[index] {
            return rank(left[index]) < rank(right[index])
        }
        return left.count < right.count
    }

    private static func rank(_ byte: UInt8) -> UInt8 {
        switch byte {
        case 0xEE, 0xEF: byte + 8
        case 0xF0...: byte - 2
        default: byte
        }
    }

    private mutating func write(string: String) {
        let text = string.utf8.span
        bytes.append(UInt8(ascii: "\""))
        if JSONWriter.needsNoEscape(text) {
            bytes.append(contentsOf: string.utf8)
        } else {
            for index in 0..<text.count { append(escaping: text[index]) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func needsNoEscape(_ text: Span<UInt8>) -> Bool {
        for index in 0..<text.count {
            let byte = text[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return false }
        }
        return true
    }

    private mutating func append(escaping byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(byte)
        case 0x20...: bytes.append(byte)
        case 0x08: append("\\b")
        case 0x09: append("\\t")
        case 0x0A: append("\\n")
        case 0x0C: append("\\f")
        case 0x0D: append("\\r")
        default:
            let digits = Array("0123456789abcdef".utf8)
            append("\\u00")
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
    }

    /// The shortest form ECMAScript prints.
    ///
    /// Source: RFC 8785 section 3.2.2.3, ECMA-262 Number::toString.
    static func ecmaScript(_ value: Double) -> String {
        precondition(value.isFinite, "JSON has no NaN and no infinity")
        if value == 0 { return "0" }
        if value < 0 { return "-" + ecmaScript(-value) }
        // Swift prints the same shortest digits, in another layout: take digits and exponent apart, lay out anew.
        let parts = value.description.lowercased().split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let fraction = mantissa.count > 1 ? mantissa[1] : ""
        var digits = Array(mantissa[0] + fraction)
        var point = mantissa[0].count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        while digits.count > 1, digits[0] == "0" {
            digits.removeFirst()
            point -= 1
        }
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        return layOut(digits: String(digits), count: digits.count, point: point)
    }

    private static func layOut(digits: String, count: Int, point: Int) -> String {
        if count <= point, point <= 21 { return digits + String(repeating: "0", count: point - count) }
        if 0 < point, point <= 21 { return digits.prefix(point) + "." + digits.dropFirst(point) }
        if -6 < point, point <= 0 { return "0." + String(repeating: "0", count: -point) + digits }
        let exponent = (point > 0 ? "e+" : "e-") + String(abs(point - 1))
        return count == 1 ? digits + exponent : digits.prefix(1) + "." + digits.dropFirst() + exponent
    }
}
