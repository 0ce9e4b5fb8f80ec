/// Writes JSON in the one form of RFC 8785 (JSON Canonicalization Scheme), or with members in their own order.
package struct JSONWriter {
    package private(set) var bytes: [UInt8] = []
    private let sorted: Bool

    private init(sorted: Bool, capacity: Int) {
        self.sorted = sorted
        bytes.reserveCapacity(capacity)
    }

    /// The canonical bytes of a value: no white space, members sorted by UTF-16 code units. Source: RFC 8785 section 3.2.
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
        let members = sorted ? object.members.sorted { JSONWriter.precedes($0.name, $1.name) } : object.members
        for (index, member) in members.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            write(string: member.name)
            bytes.append(UInt8(ascii: ":"))
            write(member.value)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// UTF-16 order differs from UTF-8 order only where surrogates meet U+E000 to U+FFFF; ASCII takes the short way.
    private static func precedes(_ left: String, _ right: String) -> Bool {
        if left.utf8.allSatisfy({ $0 < 0x80 }), right.utf8.allSatisfy({ $0 < 0x80 }) {
            return left.utf8.lexicographicallyPrecedes(right.utf8)
        }
        return left.utf16.lexicographicallyPrecedes(right.utf16)
    }

    private mutating func write(string: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
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
        bytes.append(UInt8(ascii: "\""))
    }

    /// The shortest form ECMAScript prints. Source: RFC 8785 section 3.2.2.3, ECMA-262 Number::toString.
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
