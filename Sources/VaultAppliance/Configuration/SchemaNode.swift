import StrictEncoding

/// The JSON Schema of one mapping, written down by the decoder while it reads: it cannot differ from what is read.
final class SchemaNode {
    private var properties: [(name: String, schema: () -> JSONValue)] = []
    private var required: [String] = []
    private var groups: [[String]] = []

    /// Adds a property unless it is there.
    func add(_ name: String, isRequired: Bool, _ schema: @escaping () -> JSONValue) {
        guard !properties.contains(where: { $0.name == name }) else { return }
        properties.append((name, schema))
        if isRequired { required.append(name) }
    }

    /// The fields of exactly one of these groups must be there.
    func demandOne(of groups: [[String]]) { self.groups = groups }

    /// The mapping as JSON Schema 2020-12.
    var json: JSONValue {
        var object = JSONObject([
            .init(name: "type", value: "object"), .init(name: "additionalProperties", value: false),
            .init(name: "required", value: .array(required.map { .string($0) })),
            .init(
                name: "properties",
                value: .object(JSONObject(properties.map { .init(name: $0.name, value: $0.schema()) }))),
        ])
        if !groups.isEmpty {
            object["oneOf"] = .array(groups.map { ["required": .array($0.map { .string($0) })] })
        }
        return .object(object)
    }
}
