import StrictEncoding

/// What is wrong with one value.
struct ValueFault: Error {
    let message: String
    let mend: String
}

/// How one kind of value is read, and what JSON Schema says of it.
struct YAMLFormat<Value> {
    /// Stands in for a value that was faulty, so that decoding goes on; no check accepts or follows it.
    let placeholder: Value
    /// Evaluated only when the schema is asked for: a policy of ten thousand rules is read through few formats, often.
    let schema: () -> JSONValue
    let parse: (YAMLValue) throws(ValueFault) -> Value

    init(
        placeholder: Value, schema: @autoclosure @escaping () -> JSONValue,
        _ parse: @escaping (YAMLValue) throws(ValueFault) -> Value
    ) {
        self.placeholder = placeholder
        self.schema = schema
        self.parse = parse
    }
}

extension YAMLFormat where Value == String {
    /// Text that passes a test; plain numbers, Booleans and nothing are no text, so that nothing is text by accident.
    static func text(
        _ what: String, mend: String, pattern: String? = nil, _ isAcceptable: @escaping (String) -> Bool = { _ in true }
    ) -> YAMLFormat {
        YAMLFormat(
            placeholder: "", schema: pattern.map { ["type": "string", "pattern": .string($0)] } ?? ["type": "string"]
        ) { value throws(ValueFault) in
            let text = try YAMLFormat.text(of: value)
            guard isAcceptable(text) else { throw ValueFault(message: "must be \(what)", mend: mend) }
            return text
        }
    }

    /// Text of whatever content: it is checked elsewhere.
    static var anyText: YAMLFormat { text("text", mend: "write text") }

    /// Visible ASCII, so that comparison is exact.
    static var name: YAMLFormat { name(512) }

    /// Visible ASCII of bounded length.
    static func name(_ maximum: Int) -> YAMLFormat {
        text(
            "visible ASCII without spaces", mend: "use at most \(maximum) letters, digits and signs of ASCII",
            pattern: "^[!-~]{1,\(maximum)}$"
        ) { (1...maximum).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } }
    }

    private static func text(of value: YAMLValue) throws(ValueFault) -> String {
        guard case .scalar(let text, let isPlain, _) = value else {
            throw ValueFault(message: "must be text, is \(value.kind)", mend: "write one text")
        }
        if isPlain, YAMLValue.kind(ofPlain: text) != "text" {
            let isNothing = YAMLValue.kind(ofPlain: text) == "nothing"
            throw ValueFault(
                message: "must be text, is \(value.kind)", mend: isNothing ? "give it a value" : "put it in quotes")
        }
        return text
    }
}

extension YAMLFormat where Value == Bool {
    /// `true` or `false`, without quotes.
    static var flag: YAMLFormat {
        YAMLFormat(placeholder: false, schema: ["type": "boolean"]) { value throws(ValueFault) in
            switch value {
            case .scalar("true", isPlain: true, _): return true
            case .scalar("false", isPlain: true, _): return false
            default: throw ValueFault(message: "must be true or false, is \(value.kind)", mend: "write true or false")
            }
        }
    }
}

extension YAMLFormat where Value == Int64 {
    /// A whole number within a range.
    static func integer(_ range: ClosedRange<Int64>, mend: String) -> YAMLFormat {
        YAMLFormat(
            placeholder: range.lowerBound,
            schema: [
                "type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound),
            ]
        ) { value throws(ValueFault) in
            let expected = "must be \(range.lowerBound)...\(range.upperBound)"
            guard case .scalar(let text, isPlain: true, _) = value, value.kind == "a number" else {
                throw ValueFault(message: "\(expected), is \(value.kind)", mend: "write a whole number without quotes")
            }
            guard let number = Int64(text), String(number) == text, range.contains(number) else {
                throw ValueFault(message: "\(expected), is \(text.prefix(24))", mend: mend)
            }
            return number
        }
    }

    /// A time in seconds, written with a unit: `30s`, `5m`, `1h`.
    static func duration(_ range: ClosedRange<Int64>) -> YAMLFormat {
        YAMLFormat(
            placeholder: range.lowerBound,
            schema: ["type": "string", "pattern": "^(0|[1-9][0-9]{0,8})(s|m|h)$"]
        ) { value throws(ValueFault) in
            guard case .scalar(let text, _, _) = value, let seconds = UnitText.seconds(text) else {
                throw ValueFault(message: "must be a duration", mend: "write it like 30s, 5m or 1h")
            }
            guard range.contains(seconds) else {
                let bounds = "\(UnitText.duration(range.lowerBound)) to \(UnitText.duration(range.upperBound))"
                throw ValueFault(message: "must be \(bounds), is \(text)", mend: "choose a duration from \(bounds)")
            }
            return seconds
        }
    }

    /// A number of bytes, plain or with a unit: `65536`, `64KiB`, `256MiB`.
    static func size(_ range: ClosedRange<Int64>) -> YAMLFormat {
        YAMLFormat(
            placeholder: range.lowerBound,
            schema: [
                "type": ["integer", "string"], "minimum": .integer(range.lowerBound),
                "maximum": .integer(range.upperBound), "pattern": "^(0|[1-9][0-9]{0,8})(KiB|MiB|GiB)?$",
            ]
        ) { value throws(ValueFault) in
            guard case .scalar(let text, _, _) = value, let bytes = UnitText.bytes(text) else {
                throw ValueFault(message: "must be a size", mend: "write it like 65536, 64KiB or 256MiB")
            }
            guard range.contains(bytes) else {
                let bounds = "\(UnitText.size(range.lowerBound)) to \(UnitText.size(range.upperBound))"
                throw ValueFault(message: "must be \(bounds), is \(text)", mend: "choose a size from \(bounds)")
            }
            return bytes
        }
    }
}

extension YAMLFormat where Value == Bool {
    /// `true` or `false`, without quotes.
    static var boolean: YAMLFormat {
        YAMLFormat(placeholder: false, schema: ["type": "boolean"]) { value throws(ValueFault) in
            guard case .scalar(let text, isPlain: true, _) = value, let choice = Bool(text) else {
                throw ValueFault(message: "must be true or false, is \(value.kind)", mend: "write true or false")
            }
            return choice
        }
    }
}

extension YAMLFormat where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of an enumeration's raw values; anything else is refused, never mapped to a default.
    static func choice(_ placeholder: Value) -> YAMLFormat {
        YAMLFormat(
            placeholder: placeholder, schema: ["enum": .array(Value.allCases.map { .string($0.rawValue) })]
        ) { value throws(ValueFault) in
            guard case .scalar(let text, _, _) = value, let choice = Value(rawValue: text) else {
                let list = Value.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValueFault(message: "must be one of \(list)", mend: "choose one of them")
            }
            return choice
        }
    }
}

/// Numbers with units.
enum UnitText {
    /// Seconds of `30s`, `5m` or `1h`; nil for any other text.
    static func seconds(_ text: String) -> Int64? {
        guard let unit = text.utf8.last, let factor = factor(unit) else { return nil }
        return number(text.dropLast()).map { $0 * factor }
    }

    /// Bytes of `65536`, `64KiB`, `256MiB` or `1GiB`; nil for any other text.
    static func bytes(_ text: String) -> Int64? {
        for (unit, shift) in [("KiB", 10), ("MiB", 20), ("GiB", 30)] where text.hasSuffix(unit) {
            return number(text.dropLast(3)).map { $0 << Int64(shift) }
        }
        return number(text[...])
    }

    /// In the largest unit that fits.
    static func duration(_ seconds: Int64) -> String {
        if seconds > 0, seconds % 3600 == 0 { return "\(seconds / 3600)h" }
        return seconds > 0 && seconds % 60 == 0 ? "\(seconds / 60)m" : "\(seconds)s"
    }

    /// In the largest unit that fits.
    static func size(_ bytes: Int64) -> String {
        for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where bytes > 0 && bytes % (1 << Int64(shift)) == 0
        {
            return "\(bytes >> Int64(shift))\(unit)"
        }
        return "\(bytes)"
    }

    private static func factor(_ unit: UInt8) -> Int64? {
        switch unit {
        case UInt8(ascii: "s"): 1
        case UInt8(ascii: "m"): 60
        case UInt8(ascii: "h"): 3600
        default: nil
        }
    }

    /// Up to nine digits, so that no unit overflows; no sign and no leading zero.
    private static func number(_ text: Substring) -> Int64? {
        guard (1...9).contains(text.utf8.count), let number = Int64(text), number >= 0, String(number) == text else {
            return nil
        }
        return number
    }
}
