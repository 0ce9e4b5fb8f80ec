import Crypto
package import StrictEncoding

/// One line of a ceremony's transcript: canonical JSON, bound to the line before it.
package struct TranscriptLine: Sendable, Equatable {
    /// What a line says.
    package enum Event: String, Sendable, CaseIterable {
        /// The ceremony runs from here on; the line before it is the plan.
        case opened
        /// A custodian had approved the plan.
        case approved
        /// A step is about to act.
        case begun
        /// A step's effect is in place; what was read back.
        case done
        /// A step refused or failed.
        case failed
        /// Somebody goes on after an interruption.
        case resumed
        /// A step's effect was taken back.
        case undone
        /// Something that no plan foresees: expected, happened, decided.
        case exception
        /// Everything is taken back from here on.
        case aborting
        /// The ceremony ended without its purpose.
        case aborted
        /// The ceremony ended with its purpose.
        case completed
    }

    /// Counts from 1.
    package let sequence: Int64
    /// SHA-256 of the line before it in hexadecimal; of the plan for the first.
    package let previous: String
    package let time: UnixTime
    package let event: Event
    /// The step's name, for events of one step.
    package let step: String?
    /// Public keys, attributes, probes, names; never a secret.
    package let data: JSONObject

    /// A line.
    package init(
        sequence: Int64, previous: String, time: UnixTime, event: Event, step: String?, data: JSONObject
    ) {
        self.sequence = sequence
        self.previous = previous
        self.time = time
        self.event = event
        self.step = step
        self.data = data
    }

    /// The line without its line feed.
    package var bytes: [UInt8] {
        var object = JSONObject()
        object["seq"] = .integer(sequence)
        object["previous"] = .string(previous)
        object["time"] = .string(time.rfc3339)
        object["event"] = .string(event.rawValue)
        if let step { object["step"] = .string(step) }
        object["data"] = .object(data)
        return JSONWriter.canonical(.object(object))
    }

    /// SHA-256 of `bytes`, in hexadecimal.
    package var hash: String { Hexadecimal.string(SHA256.hash(data: bytes)) }

    /// Reads a line; anything but canonical form is refused.
    package init(parsing bytes: [UInt8]) throws(SchemaFault) {
        let value: JSONValue
        do {
            value = try JSONParser.parse(bytes)
        } catch {
            throw SchemaFault(path: "", problem: "is not strict JSON")
        }
        var reader = try ObjectReader(value)
        guard let time = UnixTime(rfc3339: try reader.string("time")) else { throw reader.fault("time", "is no time") }
        guard let data = try reader.required("data").object else { throw reader.fault("data", "must be an object") }
        self.init(
            sequence: try reader.integer("seq", in: 1...JSONValue.safeIntegers.upperBound),
            previous: try reader.string("previous"), time: time, event: try reader.value("event", of: Event.self),
            step: try reader.optionalString("step"), data: data)
        try reader.finish()
        guard self.bytes == bytes else { throw SchemaFault(path: "", problem: "is not in canonical form") }
    }
}
