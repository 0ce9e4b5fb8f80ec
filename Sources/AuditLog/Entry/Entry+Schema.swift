package import StrictEncoding

extension Entry {
    /// The JSON Schema of entries, for those who read them elsewhere; docs/audit-entry.schema.json is a copy.
    ///
    /// Source: JSON Schema draft 2020-12. Bounds of strings are in bytes of UTF-8, which the schema cannot say; it
    /// gives them as numbers of characters, so it may accept a little more than the log does.
    package static var schema: JSONValue {
        [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Entry of the audit log",
            "type": "object",
            "required": ["kind", "time"],
            "additionalProperties": .bool(false),
            "properties": .object(
                JSONObject(
                    Member.allCases.map { member in
                        // Beside a reference too: draft 2020-12 lets keywords stand there.
                        var schema = member.schema.object ?? JSONObject()
                        schema["description"] = .string(member.words)
                        return .init(name: member.rawValue, value: .object(schema))
                    })),
            "$defs": ["party": party],
            "if": ["properties": ["kind": ["enum": kinds { $0.allowsDetail }]]],
            "else": ["properties": ["detail": .bool(false)]],
        ]
    }

    private static var party: JSONValue {
        [
            "type": "object", "required": ["sub"], "additionalProperties": .bool(false),
            "properties": ["iss": Member.text(512), "sub": Member.text(512)],
        ]
    }

    fileprivate static func kinds(_ isIncluded: (Kind) -> Bool = { _ in true }) -> JSONValue {
        .array(Kind.allCases.filter(isIncluded).map { .string($0.rawValue) })
    }
}

extension Entry.Member {
    fileprivate static func text(_ bytes: Int) -> JSONValue {
        ["type": "string", "maxLength": .integer(Int64(bytes)), "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"]
    }

    fileprivate var schema: JSONValue {
        let limit = JSONValue.integer(Int64(Entry.maximumElements))
        let party: JSONValue = ["$ref": "#/$defs/party"]
        return switch self {
        case .kind: ["enum": Entry.kinds()]
        case .time, .first, .last:
            ["type": "string", "pattern": #"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"#]
        case .manifestVersion, .exp, .iat, .count, .secretVersion, .until:
            ["type": "integer", "minimum": 0, "maximum": .integer(JSONValue.safeIntegers.upperBound)]
        case .actions, .locations: ["type": "array", "maxItems": limit, "items": Self.text(maximumBytes)]
        case .actors: ["type": "array", "maxItems": limit, "items": party]
        case .user, .subject: party
        case .detail:
            [
                "type": "object", "maxProperties": limit, "propertyNames": ["pattern": "^[\\u0021-\\u007e]{1,64}$"],
                "additionalProperties": Self.text(maximumBytes),
            ]
        default: Self.text(maximumBytes)
        }
    }
}
