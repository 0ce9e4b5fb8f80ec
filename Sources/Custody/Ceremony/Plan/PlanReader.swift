package import StrictEncoding

/// Reads the members of a plan strictly and collects every fault; a faulty member gives a placeholder, so reading goes on.
///
/// For one thread at a time. What was collected comes out of `check`; nothing that was read counts before.
package final class PlanReader {
    /// The faults of one plan, shared by the readers of all its parts.
    private final class Collection {
        var faults: [PlanFault] = []
        var fields: Set<String> = []
    }

    private let object: JSONObject
    private let path: String
    private let collection: Collection
    private var read: Set<String> = []

    /// A reader of a whole plan.
    package convenience init(_ value: JSONValue) { self.init(value, path: "", Collection()) }

    private init(_ value: JSONValue, path: String, _ collection: Collection) {
        self.path = path
        self.collection = collection
        object = value.object ?? JSONObject()
        guard value.object == nil else { return }
        fault(at: path, "must be a mapping of names to values", mend: "write its fields below it")
    }

    /// Throws everything that was found.
    package func check() throws(PlanError) {
        guard collection.faults.isEmpty else { throw PlanError(faults: collection.faults) }
    }

    /// Reports a fault of a member; of several of one field the first is kept, for the others follow from it.
    package func fault(_ name: String, _ problem: String, mend: String) {
        fault(at: field(name), problem, mend: mend)
    }

    /// Refuses members that nothing has read.
    package func finish() {
        for member in object.members where !read.contains(member.name) {
            fault(member.name, "is not a known field", mend: "remove it, or correct its name")
        }
    }

    /// Whether the member is there and not null.
    package func has(_ name: String) -> Bool { value(name) != nil }

    private func field(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    private func fault(at field: String, _ problem: String, mend: String) {
        guard collection.fields.insert(field).inserted else { return }
        collection.faults.append(PlanFault(field: field, problem: problem, mend: mend))
    }

    private func value(_ name: String) -> JSONValue? {
        read.insert(name)
        guard let value = object[name], value != .null else { return nil }
        return value
    }

    private func required(_ name: String) -> JSONValue? {
        let value = value(name)
        if value == nil { fault(name, "is missing", mend: "add it") }
        return value
    }
}

extension PlanReader {
    /// A text that passes a test.
    package func text(
        _ name: String, _ problem: String, mend: String, _ isAcceptable: (String) -> Bool
    ) -> String {
        guard let value = required(name) else { return "" }
        guard let text = value.string, isAcceptable(text) else {
            fault(name, problem, mend: mend)
            return ""
        }
        return text
    }

    /// One line for people: 1 to 500 bytes without control characters.
    package func line(_ name: String) -> String {
        text(name, "must be one line of at most 500 bytes", mend: "say it in a sentence", PlanReader.isLine)
    }

    /// Whether a text is one line that may stand in a report and in the log.
    package static func isLine(_ text: String) -> Bool {
        (1...500).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    }

    /// A person's name.
    package func person(_ name: String) -> String {
        text(
            name, "must be 1 to 64 of a-z, 0-9, '.', '_' and '-'", mend: "write it like anna", Manifest.isName)
    }

    /// A label of a key, or of a token: visible ASCII.
    package func label(_ name: String, longest: Int = 64) -> String {
        text(
            name, "must be 1 to \(longest) letters, digits, '.', '_' or '-'", mend: "use those alone"
        ) { text in
            (1...longest).contains(text.utf8.count)
                && text.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                        || "._-".utf8.contains(byte)
                }
        }
    }

    /// An absolute path, or nothing.
    package func optionalPath(_ name: String) -> String? {
        has(name)
            ? text(name, "must be an absolute path", mend: "write it from / on") {
                $0.hasPrefix("/") && $0.utf8.count <= 4096 && PlanReader.isLine($0)
            } : nil
    }

    /// Lower-case hexadecimal digits.
    package func digits(_ name: String, _ count: Int) -> String {
        text(name, "must be \(count) hexadecimal digits", mend: "copy it whole, in lower case") {
            $0.utf8.count == count && Hexadecimal.decode($0) != nil
        }
    }

    /// A list of texts that pass a test, each once; a missing list is `missing`, or a fault when that is nil.
    package func texts(
        _ name: String, missing: [String]? = nil, _ problem: String, mend: String, _ isAcceptable: (String) -> Bool
    ) -> [String] {
        guard let value = missing == nil ? required(name) : value(name) else { return missing ?? [] }
        guard let elements = value.array, !elements.isEmpty, elements.count <= 256 else {
            fault(name, "must be a list of 1 to 256", mend: "put it in [ ]")
            return []
        }
        var texts: [String] = []
        for (index, element) in elements.enumerated() {
            guard let text = element.string, isAcceptable(text), !texts.contains(text) else {
                fault("\(name)[\(index)]", problem, mend: mend)
                continue
            }
            texts.append(text)
        }
        return texts
    }
}

extension PlanReader {
    /// A whole number; a missing one is `missing`, or a fault when that is nil.
    package func integer(_ name: String, _ range: ClosedRange<Int64>, missing: Int64? = nil) -> Int64 {
        guard let value = missing == nil ? required(name) : value(name) else { return missing ?? range.lowerBound }
        guard let number = value.integer, range.contains(number) else {
            fault(
                name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)",
                mend: "write it without quotes")
            return range.lowerBound
        }
        return number
    }

    /// Seconds, written as a number or with a unit: `90s`, `30m`, `24h`, `7d`.
    package func seconds(_ name: String, _ range: ClosedRange<Int64>, missing: Int64? = nil) -> Int64 {
        guard let value = missing == nil ? required(name) : value(name) else { return missing ?? range.lowerBound }
        guard let seconds = value.integer ?? value.string.flatMap(PlanReader.duration), range.contains(seconds) else {
            fault(
                name, "must be a duration of \(range.lowerBound) to \(range.upperBound) seconds",
                mend: "write it like 90s, 30m, 24h or 7d")
            return range.lowerBound
        }
        return seconds
    }

    private static func duration(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), (2...8).contains(text.utf8.count),
            let number = Int64(text.dropLast()), number >= 0, String(number) == text.dropLast()
        else { return nil }
        return number * unit
    }

    /// `true` or `false`; a missing one is `missing`, or a fault when that is nil.
    package func flag(_ name: String, missing: Bool? = nil) -> Bool {
        guard let value = missing == nil ? required(name) : value(name) else { return missing ?? false }
        guard let flag = value.bool else {
            fault(name, "must be true or false", mend: "write true or false without quotes")
            return false
        }
        return flag
    }

    /// One of an enumeration's raw values; a missing one is `missing`, or a fault when that is nil.
    package func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, of type: Value.Type, missing: Value? = nil, placeholder: Value
    ) -> Value where Value.RawValue == String {
        guard let value = missing == nil ? required(name) : value(name) else { return missing ?? placeholder }
        guard let choice = value.string.flatMap(Value.init(rawValue:)) else {
            let all = Value.allCases.map(\.rawValue).joined(separator: ", ")
            fault(name, "must be one of \(all)", mend: "choose one of them")
            return placeholder
        }
        return choice
    }

    /// A moment as `rfc3339` writes it.
    package func time(_ name: String) -> UnixTime {
        let text = text(name, "must be a time like 2026-11-23T20:01:55.123Z", mend: "restore the plan") {
            UnixTime(rfc3339: $0) != nil
        }
        return UnixTime(rfc3339: text) ?? UnixTime(seconds: 0)
    }

    /// A part of the plan with members of its own; nil when it is missing and may be.
    package func part(_ name: String, isRequired: Bool = true) -> PlanReader? {
        guard let value = isRequired ? required(name) : value(name) else { return nil }
        return PlanReader(value, path: field(name), collection)
    }

    /// The parts in a list.
    package func parts(_ name: String, _ range: ClosedRange<Int>) -> [PlanReader] {
        guard let value = range.lowerBound > 0 ? required(name) : value(name) else { return [] }
        guard let elements = value.array, range.contains(elements.count) else {
            fault(
                name, "must be a list of \(range.lowerBound) to \(range.upperBound)", mend: "write one - for each")
            return []
        }
        return elements.enumerated().map { PlanReader($0.element, path: "\(field(name))[\($0.offset)]", collection) }
    }
}
