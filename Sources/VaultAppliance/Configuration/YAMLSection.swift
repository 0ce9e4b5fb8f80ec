import StrictEncoding

/// A mapping that is being decoded: each read names what it expects, and `finish` refuses the rest.
///
/// A read of something missing or wrong reports the fault and gives a placeholder, so that one run finds every fault.
/// Each read also writes down the field's schema.
final class YAMLSection {
    let source: YAMLSource
    /// As in `listeners.gateway`; empty for the root.
    let path: String
    private let schema: SchemaNode?
    private let members: [YAMLValue.Member]
    private let isFaulty: Bool
    private var known: Set<String> = []

    init(_ source: YAMLSource, path: String, value: YAMLValue, schema: SchemaNode?) {
        self.source = source
        self.path = path
        self.schema = schema
        switch value {
        case .mapping(let members, _):
            self.members = members
            isFaulty = false
        case .faulty:
            members = []
            isFaulty = true
        default:
            members = []
            isFaulty = true
            source.fault(path, "must be a mapping, is \(value.kind)", mend: "write its fields", line: value.line)
        }
    }

    /// The full name of a field.
    func field(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// Reports a fault of a field of this section, unless the section itself is absent or faulty.
    func fault(_ name: String, _ message: String, mend: String) {
        guard !isFaulty else { return }
        source.fault(field(name), message, mend: mend)
    }

    /// Whether the file has the field.
    func has(_ name: String) -> Bool { members.contains { $0.name == name } }

    /// Says in the schema that the fields of exactly one of these groups must be there; the decoder checks for itself.
    func demandOne(of groups: [[String]]) { schema?.demandOne(of: groups) }

    /// A field that must be there; `inSchema` is false where the schema says so with `demandOne`.
    func required<Value>(_ name: String, _ format: YAMLFormat<Value>, inSchema: Bool = true) -> Value {
        schema?.add(name, isRequired: inSchema) { format.schema() }
        guard let value = member(name) else {
            missing(name)
            return format.placeholder
        }
        return parse(value, format, field(name))
    }

    /// A field that may be absent.
    func optional<Value>(_ name: String, _ format: YAMLFormat<Value>) -> Value? {
        schema?.add(name, isRequired: false) { format.schema() }
        return member(name).map { parse($0, format, field(name)) }
    }

    /// A field with a default.
    func optional<Value>(_ name: String, default standard: Value, _ format: YAMLFormat<Value>) -> Value {
        optional(name, format) ?? standard
    }

    /// A list that must be there and hold something.
    func list<Value: Hashable>(_ name: String, _ format: YAMLFormat<Value>) -> [Value] {
        schema?.add(name, isRequired: true) { YAMLSection.list(of: format.schema(), minimum: 1) }
        guard let value = member(name) else {
            missing(name)
            return []
        }
        let elements = parse(list: value, format, field(name))
        check(elements, field(name))
        return elements
    }

    /// A list that may be absent; when it is there it holds something.
    func optionalList<Value: Hashable>(_ name: String, _ format: YAMLFormat<Value>) -> [Value]? {
        let elements = uncheckedList(name, format)
        if let elements { check(elements, field(name)) }
        return elements
    }

    /// A list that may be absent, and whose emptiness and repetitions are checked elsewhere.
    func uncheckedList<Value: Hashable>(_ name: String, _ format: YAMLFormat<Value>) -> [Value]? {
        schema?.add(name, isRequired: false) { YAMLSection.list(of: format.schema(), minimum: 1) }
        return member(name).map { parse(list: $0, format, field(name)) }
    }

    /// Whether the field is this one word, which stands where a mapping could.
    func isWord(_ name: String, _ word: String) -> Bool {
        guard case .scalar(word, isPlain: true, _)? = member(name) else { return false }
        return true
    }

    /// A mapping that must be there.
    func section(_ name: String) -> YAMLSection {
        let node = subschema(name, isRequired: true)
        guard let value = member(name) else {
            missing(name)
            return YAMLSection(source, path: field(name), value: .faulty(line: 1), schema: node)
        }
        return YAMLSection(source, path: field(name), value: value, schema: node)
    }

    /// What a mapping that may be absent decodes to.
    func optionalSection<Value>(_ name: String, _ decode: (YAMLSection) -> Value) -> Value? {
        let node = subschema(name, isRequired: false)
        let value = member(name)
        // Decoding an absent section finds no faults, but gives its schema.
        guard value != nil || node != nil else { return nil }
        let section = YAMLSection(source, path: field(name), value: value ?? .faulty(line: 1), schema: node)
        let result = decode(section)
        return value == nil ? nil : result
    }

    /// What each mapping of a list decodes to.
    func sections<Value>(_ name: String, isRequired: Bool = true, _ decode: (YAMLSection) -> Value) -> [Value] {
        if let schema {
            let node = SchemaNode()
            schema.add(name, isRequired: isRequired) { YAMLSection.list(of: node.json, minimum: 0) }
            _ = decode(YAMLSection(source, path: "", value: .faulty(line: 1), schema: node))
        }
        guard let value = member(name) else {
            if isRequired { missing(name) }
            return []
        }
        guard case .list(let elements, _) = value else {
            wrongList(value, field(name))
            return []
        }
        return elements.enumerated().map { index, element in
            let path = "\(field(name))[\(index)]"
            return decode(YAMLSection(source, path: path, value: element, schema: nil))
        }
    }

    /// Refuses fields that nothing has read.
    func finish() {
        for member in members where !known.contains(member.name) {
            source.fault(
                field(member.name), "is not a known field", mend: "remove it, or correct its name", line: member.line)
        }
    }

    private func subschema(_ name: String, isRequired: Bool) -> SchemaNode? {
        guard let schema else { return nil }
        let node = SchemaNode()
        schema.add(name, isRequired: isRequired) { node.json }
        return node
    }

    private func member(_ name: String) -> YAMLValue? {
        known.insert(name)
        return members.first { $0.name == name }?.value
    }

    private func missing(_ name: String) {
        guard !isFaulty else { return }
        source.fault(field(name), "is missing", mend: "add it", line: path.isEmpty ? 1 : source.line(of: path))
    }

    private func parse<Value>(
        _ value: YAMLValue, _ format: YAMLFormat<Value>, _ path: @autoclosure () -> String
    ) -> Value {
        if case .faulty = value { return format.placeholder }
        do throws(ValueFault) {
            return try format.parse(value)
        } catch {
            source.fault(path(), error.message, mend: error.mend, line: value.line)
            return format.placeholder
        }
    }

    private func parse<Value>(list value: YAMLValue, _ format: YAMLFormat<Value>, _ path: String) -> [Value] {
        guard case .list(let elements, _) = value else {
            wrongList(value, path)
            return []
        }
        return elements.enumerated().map { index, element in
            parse(element, format, "\(path)[\(index)]")
        }
    }

    private func wrongList(_ value: YAMLValue, _ path: String) {
        if case .faulty = value { return }
        source.fault(path, "must be a list, is \(value.kind)", mend: "put it in [ ]", line: value.line)
    }

    private func check<Value: Hashable>(_ elements: [Value], _ path: String) {
        if elements.isEmpty { source.fault(path, "is empty", mend: "name at least one") }
        if elements.count > 256 { source.fault(path, "has more than 256 entries", mend: "name fewer") }
        var seen: Set<Value> = []
        for (index, element) in elements.enumerated() where !seen.insert(element).inserted {
            // A placeholder that stands twice has its fault already, and of one field the first fault is kept.
            source.fault("\(path)[\(index)]", "stands twice", mend: "remove one")
        }
    }

    private static func list(of schema: JSONValue, minimum: Int64) -> JSONValue {
        ["type": "array", "items": schema, "minItems": .integer(minimum), "uniqueItems": true]
    }
}
