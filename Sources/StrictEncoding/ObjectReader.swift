/// Where a JSON document departs from its schema: the path of the member and what was expected of it.
package struct SchemaFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// As in `keys[2].alg`.
    package let path: String
    /// In our own words; never the value that was found.
    package let problem: String

    /// A fault at a path.
    package init(path: String, problem: String) {
        self.path = path
        self.problem = problem
    }

    /// One line for the operator.
    package var description: String { path.isEmpty ? problem : "\(path): \(problem)" }
}

/// Reads the members of one JSON object strictly: each read names what it expects, and `finish` refuses the rest.
package struct ObjectReader {
    private let object: JSONObject
    private let path: String
    private var read: Set<String> = []

    /// A reader of `value`, which must be an object.
    package init(_ value: JSONValue, path: String = "") throws(SchemaFault) {
        guard let object = value.object else { throw SchemaFault(path: path, problem: "must be an object") }
        self.object = object
        self.path = path
    }

    /// The full path of a member, for faults.
    package func path(of name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// A fault of one member.
    package func fault(_ name: String, _ problem: String) -> SchemaFault {
        SchemaFault(path: path(of: name), problem: problem)
    }

    /// A member that may be absent or null.
    package mutating func optional(_ name: String) -> JSONValue? {
        read.insert(name)
        guard let value = object[name], value != .null else { return nil }
        return value
    }

    /// A member that must be there.
    package mutating func required(_ name: String) throws(SchemaFault) -> JSONValue {
        guard let value = optional(name) else { throw fault(name, "is missing") }
        return value
    }

    /// A string that is not empty.
    package mutating func string(_ name: String) throws(SchemaFault) -> String {
        guard let value = try required(name).string, !value.isEmpty else { throw fault(name, "must be a string") }
        return value
    }

    /// A string that is not empty, or nothing.
    package mutating func optionalString(_ name: String) throws(SchemaFault) -> String? {
        optional(name) == nil ? nil : try string(name)
    }

    /// An integer within a range.
    package mutating func integer(_ name: String, in range: ClosedRange<Int64>) throws(SchemaFault) -> Int64 {
        guard let value = try required(name).integer, range.contains(value) else {
            throw fault(name, "must be an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// A Boolean.
    package mutating func bool(_ name: String) throws(SchemaFault) -> Bool {
        guard let value = try required(name).bool else { throw fault(name, "must be true or false") }
        return value
    }

    /// An array of strings.
    package mutating func strings(_ name: String) throws(SchemaFault) -> [String] {
        guard let value = try required(name).strings else { throw fault(name, "must be an array of strings") }
        return value
    }

    /// One of an enumeration's raw values; anything else is refused, never mapped to a default.
    package mutating func value<Value: RawRepresentable & CaseIterable>(
        _ name: String, of type: Value.Type
    ) throws(SchemaFault) -> Value where Value.RawValue == String {
        guard let value = Value(rawValue: try string(name)) else {
            throw fault(name, "must be one of " + Value.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return value
    }

    /// The elements of an array, each with the path for its own faults.
    package mutating func elements(_ name: String) throws(SchemaFault) -> [(value: JSONValue, path: String)] {
        guard let values = try required(name).array else { throw fault(name, "must be an array") }
        return values.enumerated().map { ($0.element, "\(path(of: name))[\($0.offset)]") }
    }

    /// Refuses members that nothing has read.
    package func finish() throws(SchemaFault) {
        if let unknown = object.firstName(notIn: read) { throw fault(unknown, "is not a known member") }
    }
}
