import AuditLog
package import CoreProtocol
import Custody
import HSMBridge
import Logging
import NIOCore
import StrictEncoding

extension VaultCore {
    /// The longest that one signature or opening may take, whatever the front asks for.
    static let longestPatience = Duration.seconds(10)

    /// Opens a sealed secret for one use: the value is returned once its `secret.opened` leaf is durable.
    ///
    /// Every refusal that reaches an envelope is a leaf too, since it may be the trace of somebody who changed a file.
    package func open(_ request: OpenRequest) async throws(CoreError) -> OpenedSecret {
        try checkActive()
        try checkCheckpoints()
        try Self.checkOpening(request.entry)
        try checkBundle(request.entry)
        try revocations.check(request.entry, now: clock().seconds)
        var entry = completed(request.entry, key: nil)
        do throws(CoreError) {
            let envelope = try currentEnvelope(&entry)
            let deadline = ContinuousClock.now + min(request.patience, Self.longestPatience)
            let value = try await unsealed(envelope, deadline: deadline)
            let index = try await recordOpening(entry, by: deadline)
            // Nothing is released after a cut-off was acknowledged.
            try revocations.check(entry, now: clock().seconds)
            return OpenedSecret(value: value, version: envelope.version, index: index)
        } catch {
            await recordRefusal(of: entry, error)
            throw error
        }
    }

    /// As above, for the front's socket.
    func open(_ passage: SecretPassage.Far, _ answer: @escaping @Sendable (Result<ByteBuffer, CoreError>) -> Void) {
        Task {
            do throws(CoreError) {
                answer(.success(try passage.payload(try await self.open(passage.request))))
            } catch {
                answer(.failure(error))
            }
        }
    }

    /// What an opening must say: who asks, for which target, in which request, and which secret.
    private static func checkOpening(_ entry: Entry) throws(CoreError) {
        func require(_ condition: Bool, _ problem: String) throws(CoreError) {
            guard condition else { throw CoreError(.refused, "entry.\(problem)") }
        }
        try require(entry.kind == .secretOpened, "kind: must be secret.opened")
        try require(entry.client?.isEmpty == false, "client: is missing")
        try require(entry.requestID?.isEmpty == false, "request_id: is missing")
        try require(entry.target?.isEmpty == false, "target: is missing")
        try require(entry.secret.map { Manifest.isName($0) } ?? false, "secret: must name a secret")
        try Gate.checkAuthor(entry)
        try require(entry.inputSHA256 == nil && entry.kid == nil && entry.jti == nil, "a member is not an opening's")
    }

    /// The current envelope of the secret that an entry names; the entry then says which one it is.
    private func currentEnvelope(_ entry: inout Entry) throws(CoreError) -> SealedSecret {
        let name = entry.secret ?? ""
        guard let leaf = standing.secrets[name], leaf.kind != .secretRemoved else {
            throw CoreError(.refused, "entry.secret: there is no secret of this name")
        }
        guard entry.secretVersion == nil || entry.secretVersion == leaf.secretVersion else {
            throw CoreError(.refused, "entry.secret_version: is not the current version")
        }
        entry.secretVersion = leaf.secretVersion
        do throws(CustodyError) {
            guard let envelope = try secretStore.current(leaf) else {
                throw CustodyError(.foreign, "the secret was removed")
            }
            guard envelope.appliance == manifest.appliance, envelope.name == name else {
                throw CustodyError(.foreign, "the envelope is another secret's or another appliance's")
            }
            entry.inputSHA256 = envelope.hash
            return envelope
        } catch {
            logger.error("an envelope was refused", metadata: ["secret": "\(name)", "reason": "\(error)"])
            throw CoreError(.refused, "secret: \(error)")
        }
    }

    /// Opens with the first token that can; what one says of an envelope, another may not.
    func unsealed(_ envelope: SealedSecret, deadline: ContinuousClock.Instant) async throws(CoreError) -> SecretValue {
        let opened = try await withDataKey(of: envelope, deadline: deadline) { (dataKey) throws(CustodyError) in
            try envelope.open(dataKey)
        }
        let value = SecretValue(count: opened.count) { room in
            opened.withSpan { span in
                for index in span.indices { room[index] = span[index] }
            }
        }
        guard let value else { throw CoreError(.saturated, "no locked memory is to be had", retryAfter: 1) }
        return value
    }

    /// Lends the data key of an envelope, as a token unwraps it, to `body`.
    func withDataKey<Answer: Sendable>(
        of envelope: SealedSecret, deadline: ContinuousClock.Instant,
        _ body: @escaping @Sendable (Span<UInt8>) throws(CustodyError) -> Answer
    ) async throws(CoreError) -> Answer {
        var failure = CoreError(.hsmUnavailable, "no token is open that this secret was sealed to", retryAfter: 2)
        for key in keys.keyEncryption {
            guard let wrapped = envelope.keys.first(where: { $0.kid == key.manifest.kid }) else { continue }
            let result: Result<Answer, CustodyError>
            do throws(HSMError) {
                result = try await key.hsm.decrypt(wrapped.wrapped, deadline: deadline) { dataKey in
                    Result { () throws(CustodyError) in try body(dataKey) }
                }
            } catch {
                failure = CoreError(error)
                continue
            }
            switch result {
            case .success(let answer): return answer
            case .failure(let error): failure = CoreError(.refused, "secret: \(error)")
            }
        }
        throw failure
    }

    private func recordOpening(
        _ entry: Entry, by deadline: ContinuousClock.Instant
    ) async throws(CoreError) -> UInt64 {
        do {
            return try await log.append(entry, by: deadline).index
        } catch {
            throw CoreError(error)
        }
    }

    private func recordRefusal(of opening: Entry, _ error: CoreError) async {
        var entry = opening
        entry.kind = .denied
        entry.code = "secret_\(error.code.rawValue)"
        entry.reason = String(decoding: Array(error.reason.utf8.prefix(480)), as: UTF8.self)
        if denials.admits(entry) { _ = try? await log.append(entry) }
    }
}
