import Yams

/// Turns a file's text into a `YAMLValue` and refuses what makes YAML ambiguous: anchors, aliases, tags, duplicate
/// names, names that are not scalars, several documents.
struct YAMLReader {
    private static let maximumDepth = 16

    private let source: YAMLSource

    /// A reader that reports to `source`.
    init(_ source: YAMLSource) { self.source = source }

    /// The document; nil after a fault that leaves nothing to decode.
    func read(_ text: String) -> YAMLValue? {
        do {
            let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            // Nodes hold their anchors weakly: the parser must outlive the conversion, or anchors would be missed.
            return try withExtendedLifetime(parser) {
                guard let node = try parser.singleRoot() else {
                    source.fault("", "is empty", mend: "write at least 'version: 1'", line: 1)
                    return nil
                }
                return convert(node, path: "", depth: 0)
            }
        } catch {
            report(error)
            return nil
        }
    }

    private func convert(_ node: Node, path: String, depth: Int) -> YAMLValue {
        let line = node.mark?.line ?? 1
        guard node.anchor == nil else {
            source.fault(
                path, "has an anchor", mend: "write the value out; anchors and aliases are refused", line: line)
            return .faulty(line: line)
        }
        guard depth < YAMLReader.maximumDepth else {
            source.fault(path, "is nested too deeply", mend: "remove a level", line: line)
            return .faulty(line: line)
        }
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain
            guard hasNoTag(scalar.tag, isPlain ? [] : [.str], path, line) else { return .faulty(line: line) }
            return .scalar(scalar.string, isPlain: isPlain, line: line)
        case .sequence(let sequence):
            guard hasNoTag(sequence.tag, [], path, line) else { return .faulty(line: line) }
            let elements = sequence.enumerated().map { index, element in
                convert(element, path: "\(path)[\(index)]", depth: depth + 1)
            }
            return .list(elements, line: line)
        case .mapping(let mapping):
            guard hasNoTag(mapping.tag, [], path, line) else { return .faulty(line: line) }
            return .mapping(members(of: mapping, path: path, depth: depth), line: line)
        case .alias:
            source.fault(path, "is an alias", mend: "write the value out; anchors and aliases are refused", line: line)
            return .faulty(line: line)
        }
    }

    private func members(of mapping: Node.Mapping, path: String, depth: Int) -> [YAMLValue.Member] {
        var seen: Set<String> = []
        var members: [YAMLValue.Member] = []
        for (key, value) in mapping {
            let line = key.mark?.line ?? 1
            guard case .scalar(let name) = key, key.anchor == nil, [.str, .implicit].contains(name.tag.rawName) else {
                source.fault(path, "has a name that is not plain text", mend: "use the documented names", line: line)
                continue
            }
            let field = path.isEmpty ? name.string : "\(path).\(name.string)"
            guard seen.insert(name.string).inserted else {
                source.fault(field, "stands twice", mend: "keep one", line: line)
                continue
            }
            let value = convert(value, path: field, depth: depth + 1)
            members.append(YAMLValue.Member(name: name.string, line: line, value: value))
        }
        return members
    }

    private func hasNoTag(_ tag: Tag, _ allowed: [Tag.Name], _ path: String, _ line: Int) -> Bool {
        if tag.rawName == .implicit || allowed.contains(tag.rawName) { return true }
        source.fault(path, "has a tag", mend: "remove the tag; the field decides the type", line: line)
        return false
    }

    /// Takes place and problem from a parser's error, never the text of the file that it also holds.
    private func report(_ error: any Error) {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            source.fault("", "is not YAML: \(problem)", mend: "correct it at column \(mark.column)", line: mark.line)
        case YamlError.duplicatedKeysInMapping(let names, let context):
            let line = context.mark.line
            for name in names.sorted() {
                source.fault(name, "stands twice in one mapping", mend: "keep one", line: line)
            }
        case YamlError.reader(let problem, _, _, _):
            source.fault("", "is not YAML: \(problem)", mend: "use UTF-8 text", line: nil)
        default:
            source.fault("", "is not YAML", mend: "correct it", line: nil)
        }
    }
}

extension Tag {
    /// The name as it stands, before any resolver.
    fileprivate var rawName: Tag.Name { Tag.Name(rawValue: rawValue) }
}
