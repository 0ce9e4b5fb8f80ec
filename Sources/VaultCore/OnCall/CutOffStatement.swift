package import CoreProtocol
import Custody
package import StrictEncoding

/// What a person on call signs to cut somebody or something off.
///
/// Its bytes are canonical JSON (RFC 8785) and a line feed, signed as a file with `ssh-keygen -Y sign`, so that stock
/// OpenSSH is enough (docs/operating.md, "Cutting somebody off at 3 a.m."). The end is a moment, not a length: whoever
/// plays a statement again gains nothing.
package struct CutOffStatement: Sendable, Equatable {
    /// The namespace of the signature (OpenSSH PROTOCOL.sshsig).
    package static let namespace = "cutoff@vault-appliance"
    /// How long a cut-off may last, in seconds.
    package static let durations: ClosedRange<Int64> = 60...7 * 86_400
    /// How long a statement may be handed in after it was made, in seconds.
    package static let life: Int64 = 300
    /// How far the clock of the person's machine may differ, in seconds.
    private static let skew: Int64 = 60
    /// The longest statement in bytes.
    package static let maximumBytes = 4096

    /// The appliance it is for.
    package let appliance: String
    package let kind: CutOff.Kind
    package let name: String
    /// Whose user or agent; nil for whoever bears the name.
    package let issuer: String?
    /// When the cut-off ends, in seconds since 1970.
    package let until: Int64
    /// Until when the statement may be handed in, in seconds since 1970.
    package let expires: Int64
    /// Random, so that two statements are never the same.
    package let nonce: String
    /// Why, in the person's own words; stands in the log.
    package let reason: String

    /// A statement made now.
    package init(
        appliance: String, kind: CutOff.Kind, name: String, issuer: String?, duration: Int64, nonce: String,
        reason: String, now: UnixTime
    ) {
        self.appliance = appliance
        self.kind = kind
        self.name = name
        self.issuer = issuer
        until = now.seconds + duration
        expires = now.seconds + Self.life
        self.nonce = nonce
        self.reason = reason
    }

    /// The bytes to sign.
    package var bytes: [UInt8] {
        var object = JSONObject([
            .init(name: "appliance", value: .string(appliance)), .init(name: "cut_off", value: .string(kind.rawValue)),
            .init(name: "name", value: .string(name)), .init(name: "until", value: .integer(until)),
            .init(name: "expires", value: .integer(expires)), .init(name: "nonce", value: .string(nonce)),
            .init(name: "reason", value: .string(reason)),
        ])
        object["issuer"] = issuer.map { .string($0) }
        return JSONWriter.canonical(.object(object)) + [0x0A]
    }

    /// Reads a statement; anything but the bytes that `bytes` gives is refused.
    package init(parsing text: [UInt8]) throws(CoreError) {
        do {
            guard text.count <= Self.maximumBytes, text.last == 0x0A else {
                throw SchemaFault(path: "", problem: "is too long, or does not end in a line feed")
            }
            var reader = try ObjectReader(try JSONParser.parse(Array(text.dropLast())))
            appliance = try reader.string("appliance")
            kind = try reader.value("cut_off", of: CutOff.Kind.self)
            name = try Self.name(&reader, "name")
            issuer = reader.optional("issuer") == nil ? nil : try Self.name(&reader, "issuer")
            until = try reader.integer("until", in: 0...JSONValue.safeIntegers.upperBound)
            expires = try reader.integer("expires", in: 0...JSONValue.safeIntegers.upperBound)
            nonce = try Self.name(&reader, "nonce")
            reason = try Self.text(&reader, "reason")
            try reader.finish()
        } catch let fault as SchemaFault {
            throw CoreError(.malformed, "statement: \(fault)")
        } catch {
            throw CoreError(.malformed, "statement: is not strict JSON")
        }
        guard bytes == text else { throw CoreError(.malformed, "statement: is not in canonical form") }
    }

    /// Refuses a statement for another appliance, or past its time, or for too short or too long.
    package func check(appliance: String, now: UnixTime) throws(CoreError) {
        func require(_ condition: Bool, _ problem: String) throws(CoreError) {
            guard condition else { throw CoreError(.refused, "statement.\(problem)") }
        }
        try require(self.appliance == appliance, "appliance: is another one than this")
        try require(expires > now.seconds, "expires: has passed; make and sign a new one")
        try require(expires <= now.seconds + Self.life + Self.skew, "expires: is too far ahead; compare the clocks")
        try require(nonce.utf8.count >= 16, "nonce: has fewer than 16 characters")
        try require(
            issuer == nil || kind == .user || kind == .agent, "issuer: belongs to users and agents alone")
        // A minute's grace below, for the way from the person's machine to here.
        let range = (Self.durations.lowerBound - Self.skew)...(Self.durations.upperBound + Self.skew)
        try require(
            until > now.seconds && range.contains(until - now.seconds), "until: must be a minute to seven days ahead")
    }

    private static func name(_ reader: inout ObjectReader, _ member: String) throws(SchemaFault) -> String {
        let text = try reader.string(member)
        guard text.utf8.count <= 512, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw reader.fault(member, "must be visible ASCII without spaces")
        }
        return text
    }

    private static func text(_ reader: inout ObjectReader, _ member: String) throws(SchemaFault) -> String {
        let text = try reader.string(member)
        guard text.utf8.count <= 256, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw reader.fault(member, "must be at most 256 printable characters of ASCII")
        }
        return text
    }
}
