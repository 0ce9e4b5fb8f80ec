package import HSMBridge
import StrictEncoding

/// What a child process says after its task.
package struct TokenTaskReport: Sendable, Equatable {
    /// The token's label.
    package var label: String
    /// The token's serial number: a token that was initialised has a new one.
    package var serial: String
    package var manufacturer: String
    package var model: String
    /// The shortest PIN it takes, in bytes.
    package var minimumPINLength: Int
    /// The longest PIN it takes, in bytes.
    package var maximumPINLength: Int
    /// Everything on the token; nil when the task did not look.
    package var objects: [TokenObject]?
    /// The key that was made; nil when the task made none.
    package var key: GeneratedKey?

    /// Beyond this a length says nothing that matters.
    private static let longest = 65_535

    init(_ info: TokenInfo, objects: [TokenObject]? = nil, key: GeneratedKey? = nil) {
        self.key = key
        label = info.label
        serial = info.serial
        manufacturer = info.manufacturer
        model = info.model
        // A task that is done is not to be lost for what the token says of itself.
        minimumPINLength = min(info.minimumPINLength, TokenTaskReport.longest)
        maximumPINLength = min(info.maximumPINLength, TokenTaskReport.longest)
        self.objects = objects
    }

    var json: JSONValue {
        [
            "label": .string(label), "serial": .string(serial), "manufacturer": .string(manufacturer),
            "model": .string(model), "minimum_pin": .integer(Int64(minimumPINLength)),
            "maximum_pin": .integer(Int64(maximumPINLength)),
            "objects": objects.map { .array($0.map(\.json)) } ?? .null, "key": key.map(\.json) ?? .null,
        ]
    }

    init(_ json: JSONValue) throws(SchemaFault) {
        var reader = try ObjectReader(json)
        label = try reader.text("label")
        serial = try reader.text("serial")
        manufacturer = try reader.text("manufacturer")
        model = try reader.text("model")
        minimumPINLength = Int(try reader.integer("minimum_pin", in: 0...Int64(TokenTaskReport.longest)))
        maximumPINLength = Int(try reader.integer("maximum_pin", in: 0...Int64(TokenTaskReport.longest)))
        var listed: [TokenObject]?
        if reader.optional("objects") != nil {
            listed = []
            for (value, path) in try reader.elements("objects") { listed?.append(try TokenObject(value, path: path)) }
        }
        objects = listed
        if let made = reader.optional("key") { key = try GeneratedKey(made, path: "key") } else { key = nil }
        try reader.finish()
    }
}

extension TokenObject {
    var json: JSONValue {
        [
            "kind": .string(kind.rawValue), "label": .string(label), "id": .string(Hexadecimal.string(id)),
            "attributes": .object(
                JSONObject(attributes.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: .bool($0.value)) })),
            "mechanisms": .array(allowedMechanisms.map { .integer(Int64(clamping: $0)) }),
        ]
    }

    fileprivate init(_ json: JSONValue, path: String) throws(SchemaFault) {
        var reader = try ObjectReader(json, path: path)
        guard let id = Hexadecimal.decode(try reader.text("id")) else { throw reader.fault("id", "is not hexadecimal") }
        var attributes: [String: Bool] = [:]
        for member in try reader.required("attributes").object?.members ?? [] {
            attributes[member.name] = member.value.bool
        }
        let mechanisms = try reader.required("mechanisms").array?.compactMap { $0.integer.map { UInt($0) } } ?? []
        self.init(
            kind: Kind(rawValue: try reader.string("kind")) ?? .other, label: try reader.text("label"), id: id,
            attributes: attributes, allowedMechanisms: mechanisms)
        try reader.finish()
    }
}

extension ObjectReader {
    /// A string that may be empty.
    fileprivate mutating func text(_ name: String) throws(SchemaFault) -> String {
        guard let value = try required(name).string else { throw fault(name, "must be a string") }
        return value
    }
}
