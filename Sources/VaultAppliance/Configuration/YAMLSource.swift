/// One YAML file while it is decoded: the faults found so far and the line of every field.
final class YAMLSource {
    /// The file as it is shown in faults.
    let file: String
    private var found: [ConfigurationFault] = []
    private var faultyFields: Set<String> = []
    private var root: YAMLValue = .faulty(line: 1)

    /// A source without faults.
    init(file: String) { self.file = file }

    /// The faults so far, in the order of their lines.
    var faults: [ConfigurationFault] {
        // Sorting is not stable by promise, so the order of discovery decides among faults of one line.
        found.enumerated().sorted { left, right in
            (left.element.line ?? 0, left.offset) < (right.element.line ?? 0, right.offset)
        }.map(\.element)
    }

    /// Reads the document and gives its root, which is empty after a fault.
    func read(_ bytes: [UInt8]) -> YAMLSection {
        YAMLSection(self, path: "", value: value(bytes), schema: nil)
    }

    /// Reads the document as it stands; faulty after a fault.
    func value(_ bytes: [UInt8]) -> YAMLValue {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            fault("", "is not UTF-8", mend: "save it as UTF-8 text", line: nil)
            return .faulty(line: 1)
        }
        guard let value = YAMLReader(self).read(text) else {
            // Nothing was decoded, so whatever a check would find missing follows from this fault.
            faultyFields.insert("")
            return .faulty(line: 1)
        }
        root = value
        return value
    }

    /// The line of a field, or of the nearest field around it.
    func line(of field: String) -> Int {
        var value = root
        var line = 1
        for step in field.split(whereSeparator: { ".[]".contains($0) }) {
            switch value {
            case .mapping(let members, _):
                guard let member = members.first(where: { $0.name == step }) else { return line }
                (value, line) = (member.value, member.line)
            case .list(let elements, _):
                guard let index = Int(step), elements.indices.contains(index) else { return line }
                value = elements[index]
                line = value.line
            default: return line
            }
        }
        return line
    }

    /// Whether a fault of this field has been reported.
    func isFaulty(_ field: String) -> Bool { faultyFields.contains(field) }

    /// Whether a field, something in it, or the file as a whole has a fault.
    func hasFaults(under field: String) -> Bool {
        faultyFields.contains { $0.isEmpty || $0 == field || $0.hasPrefix(field + ".") || $0.hasPrefix(field + "[") }
    }

    /// Whether a field or one around it has a fault, from which others would only follow.
    func isCovered(_ field: String) -> Bool {
        var path = field[...]
        while !path.isEmpty {
            if faultyFields.contains(String(path)) { return true }
            guard let cut = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { break }
            path = path[..<cut]
        }
        return faultyFields.contains("")
    }

    /// Reports a fault at the line of its field.
    func fault(_ field: String, _ message: String, mend: String) {
        fault(field, message, mend: mend, line: line(of: field))
    }

    /// Reports a fault at a line; of several faults of one field the first is kept, the others follow from it.
    func fault(_ field: String, _ message: String, mend: String, line: Int?) {
        guard faultyFields.insert(field).inserted else { return }
        found.append(ConfigurationFault(file: file, line: line, field: field, message: message, mend: mend))
    }
}
