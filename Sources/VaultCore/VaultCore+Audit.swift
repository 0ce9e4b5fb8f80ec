import AuditLog
import CoreProtocol
import Custody
import StrictEncoding

extension VaultCore {
    /// What is not as it should be with the log, although it records; what concerns its witnesses stands beside this.
    func logWarnings(_ log: LogStatus) -> [String] {
        var warnings = isSealed ? [] : log.signerProblems
        if let problem = log.recordProblem { warnings.append("the last checkpoint cannot be kept: \(problem)") }
        if let problem = log.rollOverProblem { warnings.append("the next shard could not be begun: \(problem)") }
        if let days = log.daysLeft, days < 14 { warnings.append("the disk lasts \(days) days at this pace") }
        return warnings
    }

    /// Refuses to begin a release while no checkpoint can be had: what no signature covers could be changed unseen.
    ///
    /// The log refuses the entry too; but then a token would have signed already.
    func checkCheckpoints() throws(CoreError) {
        guard log.isCheckpointOverdue else { return }
        throw CoreError(
            .logUnavailable, "log: no checkpoint could be signed for too long: nothing is issued until one is",
            retryAfter: 2)
    }

    /// A person vouches for the clock: by a signed order, or under development custody by a name that nobody checks.
    func acceptTime(_ reader: inout ObjectReader) async throws -> JSONValue {
        let person: String
        let reason: String
        if custody == nil {
            (person, reason) = (try reader.string("operator"), try reader.string("reason"))
            try reader.finish()
        } else {
            let signed = try order(&reader, .acceptTime)
            (person, reason) = (signed.person, signed.order.reason)
        }
        let leaf = try await log.acceptTime(operator: person, reason: reason)
        return ["leaf": .integer(Int64(clamping: leaf.index)), "time": .string(leaf.time.rfc3339)]
    }

    /// A person has a closed shard's entries removed: by a signed order, or under development custody by a mere name.
    func pruneLog(_ reader: inout ObjectReader) async throws -> JSONValue {
        let person: String
        let shard: Int64
        if custody == nil {
            person = try reader.string("operator")
            shard = try reader.integer("shard", in: 1...JSONValue.safeIntegers.upperBound)
            try reader.finish()
        } else {
            let signed = try order(&reader, .prune)
            guard let number = Int64(signed.order.subject), String(number) == signed.order.subject, number > 0 else {
                throw CustodyError(.malformed, "the order's subject must be the number of a shard")
            }
            (person, shard) = (signed.person, number)
        }
        let checkpoint = try await log.prune(shard: UInt64(clamping: shard), operator: person)
        return ["origin": .string(checkpoint.origin), "size": .integer(Int64(clamping: checkpoint.size))]
    }

    /// A piece of one public file of the log, for those who collect it without being able to read the disk.
    func readLog(_ reader: inout ObjectReader) throws -> JSONValue {
        let numbers = 0...JSONValue.safeIntegers.upperBound
        let path = try reader.string("path")
        let shard = reader.optional("shard") == nil ? nil : try reader.integer("shard", in: numbers)
        let offset = reader.optional("offset") == nil ? 0 : try reader.integer("offset", in: numbers)
        try reader.finish()
        let file = try LogFiles(directory: settings.logDirectory).contents(
            of: path, shard: shard.map { UInt64(clamping: $0) })
        guard let file else { return ["path": .string(path), "size": .null, "content": .null] }
        let piece = file.dropFirst(Int(offset)).prefix(VaultCore.pieceBytes)
        return [
            "path": .string(path), "size": .integer(Int64(file.count)),
            "content": .string(Base64URL.string(Array(piece))),
        ]
    }

    /// How much of a file goes into one answer, which must fit a frame.
    private static let pieceBytes = 512 << 10
}

extension CoreSettings {
    /// The same, with custody mode and manifest version in the entries that the log writes of itself.
    func completingEntries(from inForce: ManifestInForce) -> CoreSettings {
        var settings = self
        settings.logOptions.complete = { inForce.current.complete(&$0) }
        return settings
    }
}
