package import AuditLog
package import CoreProtocol
import Custody
import HSMBridge
import Logging
import StrictEncoding

extension VaultCore: CoreService {
    package func describe() async throws(CoreError) -> CoreDescription { description }

    package func sign(_ request: SignRequest) async throws(CoreError) -> SignedRecord {
        let result = await withCheckedContinuation { continuation in
            sign(request) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    package func append(_ entry: Entry) async throws(CoreError) -> UInt64 {
        let result = await withCheckedContinuation { continuation in
            append(entry) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    package func tlsSign(key kid: String, data: [UInt8]) async throws(CoreError) -> [UInt8] {
        let result = await withCheckedContinuation { continuation in
            tlsSign(key: kid, data: data) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }
}

extension VaultCore {
    /// Gate, then record and signature side by side; calls back once, on any thread.
    package func sign(
        _ request: SignRequest, completion: @escaping @Sendable (Result<SignedRecord, CoreError>) -> Void
    ) {
        let key: KeyRing.Signing
        do {
            try checkActive()
            try checkCheckpoints()
            key = try signingKey(request.kid)
            try Gate.check(input: request.input, entry: request.entry, key: key.manifest, now: clock())
            try checkBundle(request.entry)
            try revocations.check(request.entry, issued: request.issued, now: clock().seconds)
        } catch {
            return completion(.failure(error))
        }
        let entry = completed(request.entry, key: key.manifest)
        let operation = SignOperation {
            self.release($0, of: entry, issued: request.issued, completion)
        } onAborted: { error in
            self.recordAborted(entry, error)
        }
        let deadline = ContinuousClock.now + min(request.patience, Self.longestPatience)
        key.hsm.sign(request.input, deadline: deadline, turn: request.turn) { result in
            operation.signed(result.mapError { CoreError($0) })
        }
        guard !operation.isRefused else { return operation.finishRefused() }
        log.append(entry, by: deadline) { result in
            // There may be a leaf although nothing is released: under `strict`, or when it came too late.
            if case .failure(let error) = result, error.leaf != nil { self.recordAborted(entry, CoreError(error)) }
            operation.recorded(result.map(\.index).mapError { CoreError($0) })
        }
    }

    /// Appends an entry the front may write by itself: denials, outcomes, configuration loads.
    package func append(_ entry: Entry, completion: @escaping @Sendable (Result<UInt64, CoreError>) -> Void) {
        guard VaultCore.kindsOfTheFront.contains(entry.kind) else {
            return completion(.failure(CoreError(.refused, "entry.kind: is not the front's to write")))
        }
        do throws(CoreError) {
            try checkActive()
            try Gate.checkAuthor(entry)
            if entry.kind == .configLoaded { try checkApproval(entry) }
        } catch {
            return completion(.failure(error))
        }
        // A counted denial's own leaf comes later; the answer names a place that it is not before.
        if entry.kind == .denied, !denials.admits(entry) { return completion(.success(log.status.size)) }
        if [.revoked, .cutoff].contains(entry.kind) {
            do throws(CoreError) {
                try checkStop(entry)
                return appendStop(entry, completion: completion)
            } catch {
                return completion(.failure(error))
            }
        }
        log.append(completed(entry, key: nil)) { result in
            if entry.kind == .configLoaded, case .success = result, let bundle = entry.bundle {
                if let load = self.bundles.admit(bundle) { self.retireBundles(before: load) }
            }
            completion(result.map(\.index).mapError { CoreError($0) })
        }
    }

    /// The signing key with this kid; one whose token is away is another matter than one that nobody knows.
    private func signingKey(_ kid: String) throws(CoreError) -> KeyRing.Signing {
        do {
            return try keys.signing(kid: kid)
        } catch {
            let isKnown = manifest.keys.contains { $0.kid == kid && $0.purpose == .signing && $0.state == .active }
            guard isKnown else { throw error }
            throw CoreError(.hsmUnavailable, "hsm: the token of this key is not open", retryAfter: 2)
        }
    }

    /// Signs a TLS 1.3 server CertificateVerify; calls back once, on any thread.
    package func tlsSign(
        key kid: String, data: [UInt8], completion: @escaping @Sendable (Result<[UInt8], CoreError>) -> Void
    ) {
        do {
            try checkActive()
            try TLSGate.check(data)
            let key = try keys.tls(kid: kid)
            key.hsm.sign(data, deadline: .now + .seconds(3)) { completion($0.mapError { CoreError($0) }) }
        } catch {
            completion(.failure(error))
        }
    }

    private static let kindsOfTheFront: Set<Entry.Kind> = [.denied, .configLoaded, .revoked, .cutoff]

    /// What the core says in every entry, whatever the front put there.
    func completed(_ entry: Entry, key: ManifestKey?) -> Entry {
        var entry = entry
        inForce.current.complete(&entry)
        entry.keyLabel = key?.label
        return entry
    }

    func recordAborted(_ mint: Entry, _ error: CoreError) {
        var entry = mint
        entry.kind = .mintAborted
        entry.code = error.code.rawValue
        entry.reason = error.reason
        log.append(entry) { result in
            if case .failure = result { self.logger.error("an aborted mint could not be recorded") }
        }
    }
}
