package import StrictEncoding

/// A ceremony's plan as a person writes it: one YAML file, read as strictly as the configuration.
package struct PlanDocument {
    /// The largest file that is read.
    static let maximumFileSize = 1 << 17

    /// The file's content as JSON: numbers and Booleans where they stand without quotes, text else.
    package let value: JSONValue
    private let source: YAMLSource

    /// Reads a file; throws what makes it no YAML, or YAML that could be read two ways.
    package static func load(file: String) throws(ConfigurationError) -> PlanDocument {
        let bytes: [UInt8]
        do {
            bytes = try ConfigurationFile.read(file, limit: maximumFileSize)
        } catch {
            throw ConfigurationError(faults: [error.fault(file: file, limit: maximumFileSize)])
        }
        return try PlanDocument(bytes, file: file)
    }

    init(_ bytes: [UInt8], file: String) throws(ConfigurationError) {
        let source = YAMLSource(file: file)
        let root = source.value(bytes)
        guard source.faults.isEmpty else { throw ConfigurationError(faults: source.faults) }
        self.source = source
        value = root.plainJSON
    }

    /// Faults that were found in `value`, each at the line of its field.
    package func error(_ faults: [(field: String, message: String, mend: String)]) -> ConfigurationError {
        for fault in faults { source.fault(fault.field, fault.message, mend: fault.mend) }
        return ConfigurationError(faults: source.faults)
    }
}

extension YAMLValue {
    /// The value as JSON (YAML 1.2.2 section 10.3.2, core schema; numbers that are no whole ones stay text).
    fileprivate var plainJSON: JSONValue {
        switch self {
        case .scalar(let text, isPlain: false, _): return .string(text)
        case .scalar(let text, isPlain: true, _):
            switch YAMLValue.kind(ofPlain: text) {
            case "nothing": return .null
            case "a Boolean" where text == "true" || text == "false": return .bool(text == "true")
            case "a number":
                guard let number = Int64(text), String(number) == text, JSONValue.safeIntegers.contains(number) else {
                    return .string(text)
                }
                return .integer(number)
            default: return .string(text)
            }
        case .list(let elements, _): return .array(elements.map(\.plainJSON))
        case .mapping(let members, _):
            return .object(JSONObject(members.map { .init(name: $0.name, value: $0.value.plainJSON) }))
        case .faulty: return .null
        }
    }
}
