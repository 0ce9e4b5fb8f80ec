import StrictEncoding

extension Entry {
    /// The canonical JSON: no white space, members in order.
    ///
    /// Source: RFC 8785 section 3.2.
    package var canonicalBytes: [UInt8] { encoded(time: time?.rfc3339).bytes }

    /// Validates and encodes all but the time, which the commit thread fills in.
    ///
    /// Encoding is the callers' work, so that it is done in parallel.
    func prepared() throws(AuditLogError) -> PreparedEntry {
        try validate()
        let encoding = encoded(time: PreparedEntry.placeholder)
        guard let offset = encoding.timeOffset, encoding.bytes.count <= Entry.maximumBytes else {
            throw AuditLogError(.invalidEntry, "must have at most \(Entry.maximumBytes) bytes")
        }
        return PreparedEntry(bytes: encoding.bytes, timeOffset: offset)
    }

    /// Writes the members in the order of `Member`; a test compares the result with the general writer's.
    private func encoded(time: String?) -> EntryWriter {
        var writer = EntryWriter()
        writer.strings(.actions, actions)
        writer.parties(.actors, actors)
        writer.string(.argumentsSHA256, argumentsSHA256)
        writer.string(.audience, audience)
        writer.string(.bundle, bundle)
        writer.string(.client, client)
        writer.string(.code, code)
        writer.integer(.count, count)
        writer.string(.credentialSHA256, credentialSHA256)
        writer.string(.custody, custody)
        writer.map(.detail, detail)
        writer.integer(.exp, exp)
        writer.string(.first, first?.rfc3339)
        writer.string(.grantedScope, grantedScope)
        writer.integer(.iat, iat)
        writer.string(.identifier, identifier)
        writer.string(.inputSHA256, inputSHA256)
        writer.string(.jti, jti)
        writer.string(.keyLabel, keyLabel)
        writer.string(.kid, kid)
        writer.string(.kind, kind.rawValue)
        writer.string(.last, last?.rfc3339)
        writer.strings(.locations, locations)
        writer.integer(.manifestVersion, manifestVersion)
        writer.string(.operator, self.operator)
        writer.string(.peer, peer)
        writer.string(.reason, reason)
        writer.string(.requestID, requestID)
        writer.string(.requestedScope, requestedScope)
        writer.string(.ruleID, ruleID)
        writer.string(.secret, secret)
        writer.integer(.secretVersion, secretVersion)
        writer.party(.subject, subject)
        writer.string(.subjectType, subjectType)
        writer.string(.target, target)
        writer.time(time)
        writer.string(.tokenKind, tokenKind)
        writer.string(.tool, tool)
        writer.string(.txn, txn)
        writer.integer(.until, until)
        writer.party(.user, user)
        writer.close()
        return writer
    }
}
