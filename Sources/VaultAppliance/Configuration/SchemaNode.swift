import StrictEncoding

/// The JSON Schema of one mapping, written down by the decoder while it reads: it cannot differ from what is read.
final class SchemaNode {
    private var properties: [(name: String, schema: () -> JSONValue)] = []
    private var required: [String] = []

    /// Adds a property unless it is there.
    func add(_ name: String, isRequired: Bool, _ schema: @escaping () -> JSONValue) {
        guard !properties.contains(where: { $0.name == name }) else { return }
        properties.append((name, schema))
        if isRequired { required.append(name) }
    }

    /// The mapping as JSON Schema 2020-12.
    var json: JSONValue {
        [
            "type": "object", "additionalProperties": false, "required": .array(required.map { .string($0) }),
            "properties": .object(JSONObject(properties.map { .init(name: $0.name, value: $0.schema()) })),
        ]
    }
}
