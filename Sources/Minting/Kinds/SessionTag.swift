import StrictEncoding

/// A session tag of AWS: a name, and a template for its value.
///
/// Source: AWS IAM User Guide, "Passing session tags using AssumeRoleWithWebIdentity".
package struct SessionTag: Sendable, Equatable {
    /// The claim that AWS STS reads.
    package static let claim = "https://aws.amazon.com/tags"
    /// The most tags a session may have.
    package static let maximumCount = 50
    static let maximumKeyLength = 128
    static let maximumValueLength = 256

    /// Its name.
    package let key: String
    /// Its value for a request.
    package let value: ClaimTemplate
    /// Whether it stays when the session assumes another role.
    package let isTransitive: Bool

    /// A tag.
    package init(key: String, value: ClaimTemplate, isTransitive: Bool) {
        self.key = key
        self.value = value
        self.isTransitive = isTransitive
    }

    /// A tag with the value it has for one request.
    package struct Value: Sendable, Equatable {
        /// Its name.
        package let key: String
        /// Its value.
        package let value: String
        /// Whether it stays when the session assumes another role.
        package let isTransitive: Bool
    }

    /// The tag for one request; nil when it has no value, or one that AWS would refuse.
    package func expanded(_ values: ClaimTemplate.Values) -> Value? {
        guard let text = value.expanded(values), Self.isAcceptable(text, maximum: Self.maximumValueLength) else {
            return nil
        }
        return Value(key: key, value: text, isTransitive: isTransitive)
    }

    /// Whether a text is a tag's name: 1 to 128 letters, digits and `_.:/=+-@`.
    package static func isKey(_ text: String) -> Bool { isAcceptable(text, maximum: maximumKeyLength) }

    private static func isAcceptable(_ text: String, maximum: Int) -> Bool {
        (1...maximum).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"):
                    true
                default: "_.:/=+-@".utf8.contains(byte)
                }
            }
    }

    /// The claim; nil without tags.
    static func json(_ tags: [Value]) -> JSONValue? {
        guard !tags.isEmpty else { return nil }
        let named = tags.map { JSONObject.Member(name: $0.key, value: [.string($0.value)]) }
        var claim = JSONObject([.init(name: "principal_tags", value: .object(JSONObject(named)))])
        let transitive = tags.filter(\.isTransitive).map { JSONValue.string($0.key) }
        if !transitive.isEmpty { claim["transitive_tag_keys"] = .array(transitive) }
        return .object(claim)
    }
}
