/// The members of a JSON object, in the order they were read or written; names are unique.
package struct JSONObject: Sendable, Equatable {
    /// One name and its value.
    package struct Member: Sendable, Equatable {
        /// Its name, unique within the object.
        package let name: String
        /// Its value.
        package var value: JSONValue

        /// A name and its value.
        package init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }

        /// Whether names and values are the same; names are if their bytes are.
        package static func == (left: Member, right: Member) -> Bool {
            left.name.hasSameBytes(as: right.name) && left.value == right.value
        }
    }

    /// The members in order.
    package private(set) var members: [Member]

    /// An object with no members.
    package init() { members = [] }

    /// An object of the given members; of two with one name the later wins.
    package init(_ members: [Member]) {
        self.members = []
        self.members.reserveCapacity(members.count)
        for member in members { self[member.name] = member.value }
    }

    /// For the parser, which has refused duplicate names already.
    init(unique members: [Member]) { self.members = members }

    /// The value of a member; nil when it is absent, and setting nil removes it.
    ///
    /// A linear search: the objects of this project have a few dozen members at most.
    package subscript(name: String) -> JSONValue? {
        get {
            for member in members where member.name.hasSameBytes(as: name) { return member.value }
            return nil
        }
        set {
            if let index = members.firstIndex(where: { $0.name.hasSameBytes(as: name) }) {
                if let newValue { members[index].value = newValue } else { members.remove(at: index) }
            } else if let newValue {
                members.append(Member(name: name, value: newValue))
            }
        }
    }

    /// The names in order.
    package var names: [String] { members.map(\.name) }

    /// The first member whose name is not in `allowed`, if there is one.
    package func firstName(notIn allowed: Set<String>) -> String? {
        members.first { !allowed.contains($0.name) }?.name
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// An object; of two members with one name the later wins.
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(elements.map { Member(name: $0.0, value: $0.1) })
    }
}
