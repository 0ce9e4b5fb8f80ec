package import StrictEncoding

extension Entry {
    /// How many bytes an encoded entry may have; a bundle's length prefix could take 65,535 (C2SP tlog-tiles).
    package static let maximumBytes = 32_768
    /// How many elements a list or `detail` may have.
    package static let maximumElements = 32

    /// Reads an entry strictly: an unknown member, a wrong type or a value out of bounds is refused.
    package init(jsonBytes: [UInt8]) throws(AuditLogError) {
        guard jsonBytes.count <= Entry.maximumBytes else {
            throw AuditLogError(.invalidEntry, "must have at most \(Entry.maximumBytes) bytes")
        }
        let value: JSONValue
        do {
            value = try JSONParser.parse(jsonBytes)
        } catch {
            throw AuditLogError(.invalidEntry, "is not JSON: \(error.reason.rawValue)")
        }
        try self.init(json: value)
    }

    /// Reads an entry from a parsed value, as strictly.
    package init(json: JSONValue) throws(AuditLogError) {
        guard let object = json.object else { throw AuditLogError(.invalidEntry, "must be an object") }
        guard let name = object[Member.kind.rawValue]?.string, let kind = Kind(rawValue: name) else {
            throw Entry.fault(.kind, "must be a known kind")
        }
        self.init(kind: kind)
        for member in object.members {
            guard let known = Member.named[member.name] else {
                throw AuditLogError(.invalidEntry, "has an unknown member")
            }
            try set(known, to: member.value)
        }
        try validate()
    }

    private mutating func set(_ member: Member, to value: JSONValue) throws(AuditLogError) {
        switch member {
        case .kind: break
        case .time: time = try Entry.time(member, value)
        case .requestID: requestID = try Entry.text(member, value)
        case .client: client = try Entry.text(member, value)
        case .user: user = try Entry.party(member, value)
        case .actors: actors = try Entry.parties(member, value)
        case .target: target = try Entry.text(member, value)
        case .tool: tool = try Entry.text(member, value)
        case .actions: actions = try Entry.texts(member, value)
        case .locations: locations = try Entry.texts(member, value)
        case .audience: audience = try Entry.text(member, value)
        case .identifier: identifier = try Entry.text(member, value)
        case .argumentsSHA256: argumentsSHA256 = try Entry.text(member, value)
        case .requestedScope: requestedScope = try Entry.text(member, value)
        case .grantedScope: grantedScope = try Entry.text(member, value)
        case .ruleID: ruleID = try Entry.text(member, value)
        case .bundle: bundle = try Entry.text(member, value)
        case .custody: custody = try Entry.text(member, value)
        case .manifestVersion: manifestVersion = try Entry.integer(member, value)
        case .kid: kid = try Entry.text(member, value)
        case .keyLabel: keyLabel = try Entry.text(member, value)
        case .jti: jti = try Entry.text(member, value)
        case .exp: exp = try Entry.integer(member, value)
        case .iat: iat = try Entry.integer(member, value)
        case .inputSHA256: inputSHA256 = try Entry.text(member, value)
        case .tokenKind: tokenKind = try Entry.text(member, value)
        case .txn: txn = try Entry.text(member, value)
        case .code: code = try Entry.text(member, value)
        case .reason: reason = try Entry.text(member, value)
        case .peer: peer = try Entry.text(member, value)
        case .operator: self.operator = try Entry.text(member, value)
        case .count: count = try Entry.integer(member, value)
        case .first: first = try Entry.time(member, value)
        case .last: last = try Entry.time(member, value)
        case .secret: secret = try Entry.text(member, value)
        case .secretVersion: secretVersion = try Entry.integer(member, value)
        case .subject: subject = try Entry.party(member, value)
        case .subjectType: subjectType = try Entry.text(member, value)
        case .until: until = try Entry.integer(member, value)
        case .credentialSHA256: credentialSHA256 = try Entry.text(member, value)
        case .detail: detail = try Entry.map(member, value)
        }
    }

    static func fault(_ member: Member, _ problem: String) -> AuditLogError {
        AuditLogError(.invalidEntry, "\(member.rawValue): \(problem)")
    }

    private static func text(_ member: Member, _ value: JSONValue) throws(AuditLogError) -> String {
        guard let text = value.string else { throw fault(member, "must be a string") }
        return text
    }

    private static func texts(_ member: Member, _ value: JSONValue) throws(AuditLogError) -> [String] {
        guard let texts = value.strings else { throw fault(member, "must be an array of strings") }
        return texts
    }

    private static func integer(_ member: Member, _ value: JSONValue) throws(AuditLogError) -> Int64 {
        guard let number = value.integer else { throw fault(member, "must be an integer") }
        return number
    }

    private static func time(_ member: Member, _ value: JSONValue) throws(AuditLogError) -> UnixTime {
        guard let text = value.string, let time = UnixTime(rfc3339: text) else {
            throw fault(member, "must be a time in UTC with milliseconds")
        }
        return time
    }

    private static func party(_ member: Member, _ value: JSONValue) throws(AuditLogError) -> Party {
        guard let object = value.object, let sub = object["sub"]?.string else {
            throw fault(member, "must be an object with sub")
        }
        guard let iss = object["iss"] else {
            guard object.members.count == 1 else { throw fault(member, "has an unknown member") }
            return Party(iss: nil, sub: sub)
        }
        guard object.members.count == 2 else { throw fault(member, "has an unknown member") }
        return Party(iss: try text(member, iss), sub: sub)
    }

    private static func parties(_ member: Member, _ value: JSONValue) throws(AuditLogError) -> [Party] {
        guard let elements = value.array else { throw fault(member, "must be an array") }
        var parties: [Party] = []
        for element in elements { parties.append(try party(member, element)) }
        return parties
    }

    private static func map(_ member: Member, _ value: JSONValue) throws(AuditLogError) -> [String: String] {
        guard let object = value.object else { throw fault(member, "must be an object") }
        var map: [String: String] = [:]
        for element in object.members { map[element.name] = try text(member, element.value) }
        return map
    }
}
