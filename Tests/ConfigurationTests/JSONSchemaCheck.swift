import StrictEncoding

@testable import VaultAppliance

/// The few keywords of JSON Schema 2020-12 that our schema uses; any other fails, so that nothing goes unchecked.
struct JSONSchemaCheck {
    private(set) var problems: [String] = []

    mutating func check(_ value: JSONValue, _ schema: JSONValue, _ path: String) {
        for keyword in schema.object?.members ?? [] {
            let passes =
                switch keyword.name {
                case "$schema", "title", "properties": true
                case "type": types(keyword.value).contains(kind(value))
                case "enum": keyword.value.array?.contains(value) == true
                case "minimum": value.integer.map { $0 >= keyword.value.integer ?? 0 } ?? true
                case "maximum": value.integer.map { $0 <= keyword.value.integer ?? 0 } ?? true
                case "minLength": value.string.map { $0.count >= keyword.value.integer ?? 0 } ?? true
                case "minItems": value.array.map { $0.count >= keyword.value.integer ?? 0 } ?? true
                case "uniqueItems":
                    value.array.map { list in list.indices.allSatisfy { !list[..<$0].contains(list[$0]) } } ?? true
                case "pattern": value.string.map { matches($0, keyword.value.string ?? "") } ?? true
                case "required": keyword.value.strings?.allSatisfy { value.object?[$0] != nil } == true
                case "additionalProperties":
                    value.object?.names.allSatisfy { schema.object?["properties"]?.object?[$0] != nil } == true
                case "items": true
                case "oneOf": keyword.value.array?.filter { accepts(value, $0) }.count == 1
                default: false
                }
            if !passes { problems.append("\(path): \(keyword.name)") }
        }
        for (index, element) in (value.array ?? []).enumerated() {
            if let items = schema.object?["items"] { check(element, items, "\(path)[\(index)]") }
        }
        for member in value.object?.members ?? [] {
            if let property = schema.object?["properties"]?.object?[member.name] {
                check(member.value, property, "\(path).\(member.name)")
            }
        }
    }

    private func accepts(_ value: JSONValue, _ schema: JSONValue) -> Bool {
        var check = JSONSchemaCheck()
        check.check(value, schema, "")
        return check.problems.isEmpty
    }

    private func types(_ value: JSONValue) -> [String] { value.strings ?? value.string.map { [$0] } ?? [] }

    private func kind(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "boolean"
        case .integer: "integer"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    /// JSON Schema patterns are not anchored; ours are, by themselves.
    private func matches(_ text: String, _ pattern: String) -> Bool {
        guard let regex = try? Regex(pattern) else { return false }
        return text.firstMatch(of: regex) != nil
    }
}

extension YAMLValue {
    /// The value as an editor with a schema sees it.
    var json: JSONValue {
        switch self {
        case .scalar(let text, isPlain: true, _) where kind == "a number": Int64(text).map { .integer($0) } ?? .null
        case .scalar(let text, isPlain: true, _) where kind == "a Boolean": .bool(text.lowercased() == "true")
        case .scalar(_, isPlain: true, _) where kind == "nothing": .null
        case .scalar(let text, _, _): .string(text)
        case .list(let elements, _): .array(elements.map(\.json))
        case .mapping(let members, _): .object(JSONObject(members.map { .init(name: $0.name, value: $0.value.json) }))
        case .faulty: .null
        }
    }
}
