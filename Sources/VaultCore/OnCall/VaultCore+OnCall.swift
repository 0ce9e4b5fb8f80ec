import AuditLog
import CoreProtocol
import Crypto
import Custody
import Logging
import StrictEncoding

extension VaultCore {
    /// Why nobody could cut off now, though people are configured who may.
    var onCallWarnings: [String] {
        guard let file = settings.onCallFile else { return [] }
        do throws(CoreError) {
            _ = try OnCallList(file: file)
            return []
        } catch {
            return ["core.on_call: \(error.reason): nobody can cut off"]
        }
    }

    /// Cuts off what a person on call has signed for; in force, and durable, before it returns.
    ///
    /// People on call may only narrow: there is no command that ends a cut-off before its time.
    func cutOff(_ reader: inout ObjectReader) async throws -> JSONValue {
        let text = Array(try reader.string("statement").utf8)
        let signature = Array(try reader.string("signature").utf8)
        try reader.finish()
        guard let file = settings.onCallFile else {
            throw CoreError(.refused, "nobody is on call: the configuration has no core.on_call")
        }
        let statement = try CutOffStatement(parsing: text)
        // Who signed comes first: strangers learn nothing of what a statement must say.
        let person = try OnCallList(file: file).signer(
            of: text, signature: signature, namespace: CutOffStatement.namespace)
        let now = clock()
        try statement.check(appliance: manifest.appliance, now: now)
        var entry = Entry(kind: .cutoff)
        entry.subject = .init(iss: statement.issuer, sub: statement.name)
        entry.subjectType = statement.kind.rawValue
        entry.until = statement.until
        entry.operator = person
        entry.reason = statement.reason
        entry.inputSHA256 = Base64URL.string(Array(SHA256.hash(data: text)))
        guard !revocations.holds({ $0.inputSHA256 == entry.inputSHA256 }) else {
            throw CoreError(.refused, "statement: was handed in before, and is in force")
        }
        try revocations.checkRoom(for: entry, now: now.seconds)
        let index = try await recordStop(entry)
        logger.notice("cut off", metadata: ["by": "\(person)", "what": "\(statement.kind.rawValue)"])
        return ["leaf": .integer(Int64(clamping: index)), "until": .string(UnixTime(seconds: statement.until).rfc3339)]
    }

    /// The cut-offs in force, as people ask for them.
    var cutOffs: JSONValue {
        ["cutoffs": .array(revocations.entries(now: clock().seconds).compactMap { $0.listed })]
    }

    private func recordStop(_ entry: Entry) async throws(CoreError) -> UInt64 {
        let result = await withCheckedContinuation { continuation in
            appendStop(entry) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }
}

extension Entry {
    /// What a list of cut-offs says of one.
    fileprivate var listed: JSONValue? {
        guard let cutOff = CutOff(self) else { return nil }
        var object = JSONObject([
            .init(name: "cut_off", value: .string(cutOff.kind.rawValue)),
            .init(name: "name", value: .string(cutOff.name)),
            .init(name: "until", value: .string(UnixTime(seconds: cutOff.until).rfc3339)),
        ])
        object["issuer"] = cutOff.issuer.map { .string($0) }
        object["sessions_up_to"] = cutOff.issuedUpTo.map { .string(UnixTime(seconds: $0).rfc3339) }
        object["since"] = time.map { .string($0.rfc3339) }
        object["by"] = self.operator.map { .string($0) }
        object["reason"] = reason.map { .string($0) }
        return .object(object)
    }
}
