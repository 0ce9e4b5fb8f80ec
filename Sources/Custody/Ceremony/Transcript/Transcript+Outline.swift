import StrictEncoding

extension Transcript {
    /// Members whose values are another's in every ceremony, rehearsed or not.
    private static let drawn: Set<String> = [
        "plan", "words", "build", "rehearsal", "host_key", "fingerprint", "key", "serial", "token", "model", "kid",
        "id",
        "jwk", "commitment", "manifest_hash", "sealed_pins", "by", "contributed", "signed",
        "dials",
    ]

    /// What happened, line by line, without the values that must differ: a rehearsal's is that of the ceremony itself.
    package var outline: [String] {
        lines.map { line in
            let data = String(decoding: JSONWriter.canonical(Transcript.outline(.object(line.data))), as: UTF8.self)
            return "\(line.event.rawValue) \(line.step ?? "-") \(data)"
        }
    }

    private static func outline(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements): .array(elements.map(outline))
        case .object(let object):
            .object(
                JSONObject(
                    object.members.map { member in
                        .init(name: member.name, value: drawn.contains(member.name) ? "..." : outline(member.value))
                    }))
        default: value
        }
    }
}
