import StrictEncoding

extension Entry {
    /// Refuses values out of bounds.
    ///
    /// That is: long strings and lists, control characters, negative numbers, `detail` where it does not belong.
    func validate() throws(AuditLogError) {
        for (member, text) in texts {
            if let text { try Entry.check(text, member) }
        }
        for (member, list) in [(Member.actions, actions), (.locations, locations)] {
            guard let list else { continue }
            try Entry.check(count: list.count, member)
            for text in list { try Entry.check(text, member) }
        }
        if let user { try Entry.check(user, .user) }
        if let subject { try Entry.check(subject, .subject) }
        if let actors {
            try Entry.check(count: actors.count, .actors)
            for actor in actors { try Entry.check(actor, .actors) }
        }
        for (member, number) in integers {
            guard let number else { continue }
            guard number >= 0, number <= JSONValue.safeIntegers.upperBound else {
                throw Entry.fault(member, "must be from 0 to 2^53 - 1")
            }
        }
        try checkDetail()
    }

    private var texts: [(Member, String?)] {
        [
            (.requestID, requestID), (.client, client), (.audience, audience), (.target, target), (.tool, tool),
            (.identifier, identifier),
            (.argumentsSHA256, argumentsSHA256), (.requestedScope, requestedScope), (.grantedScope, grantedScope),
            (.ruleID, ruleID), (.bundle, bundle), (.custody, custody), (.kid, kid), (.keyLabel, keyLabel), (.jti, jti),
            (.inputSHA256, inputSHA256), (.tokenKind, tokenKind), (.txn, txn), (.code, code), (.reason, reason),
            (.peer, peer), (.operator, self.operator), (.secret, secret),
            (.subjectType, subjectType), (.credentialSHA256, credentialSHA256),
        ]
    }

    private var integers: [(Member, Int64?)] {
        [
            (.manifestVersion, manifestVersion), (.exp, exp), (.iat, iat), (.count, count),
            (.secretVersion, secretVersion), (.until, until),
        ]
    }

    private func checkDetail() throws(AuditLogError) {
        guard let detail else { return }
        guard kind.allowsDetail else { throw Entry.fault(.detail, "is not for this kind") }
        try Entry.check(count: detail.count, .detail)
        for (name, value) in detail {
            // Visible ASCII, so that byte order and UTF-16 order are one.
            guard (1...64).contains(name.utf8.count), name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw Entry.fault(.detail, "names must have 1 to 64 visible ASCII characters")
            }
            try Entry.check(value, .detail)
        }
    }

    private static func check(_ party: Party, _ member: Member) throws(AuditLogError) {
        if let iss = party.iss { try check(iss, member) }
        try check(party.sub, member)
    }

    private static func check(count: Int, _ member: Member) throws(AuditLogError) {
        guard count <= maximumElements else { throw fault(member, "must have at most \(maximumElements) elements") }
    }

    private static func check(_ text: String, _ member: Member) throws(AuditLogError) {
        guard text.utf8.count <= member.maximumBytes else {
            throw fault(member, "must have at most \(member.maximumBytes) bytes")
        }
        // Nearly every string is visible ASCII: one pass without branches tells, before any byte is looked at in turn.
        let bytes = text.utf8.span
        var others: UInt8 = 0
        for index in bytes.indices { others |= bytes[index] &- 0x20 > 0x5E ? 1 : 0 }
        guard others != 0 else { return }
        try checkControls(text, member)
    }

    /// Control characters would let one entry look like several to whoever reads the log on a terminal.
    private static func checkControls(_ text: String, _ member: Member) throws(AuditLogError) {
        var previous: UInt8 = 0
        for byte in text.utf8 {
            // U+0080 to U+009F, the second set of controls, are C2 80 to C2 9F in UTF-8.
            let isSecondSet = previous == 0xC2 && (0x80...0x9F).contains(byte)
            guard byte >= 0x20, byte != 0x7F, !isSecondSet else { throw fault(member, "has a control character") }
            previous = byte
        }
    }
}
