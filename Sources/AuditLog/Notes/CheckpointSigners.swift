import StrictEncoding
import Synchronization

/// The keys that sign a log's checkpoints together, one in each token, and those whose signatures count besides.
///
/// Every key that can signs; one signature is enough. A key that did not sign is named in `problems` until it does.
/// Signers may come and go while the log is open: none need be there before a token is activated, and entries are
/// covered by the first checkpoint that can be signed.
package final class CheckpointSigners: Sendable {
    private struct State {
        var signers: [any CheckpointSigner]
        var trusted: [VerifierKey]
        /// Why a key has not signed the last checkpoint, by its key.
        var problems: [VerifierKey: String] = [:]
        /// Keys that were asked and have not answered yet: a token that hangs is not asked twice.
        var busy: Set<VerifierKey> = []
    }

    private let state: Mutex<State>

    /// - Parameters:
    ///   - signers: The keys that sign from now on; their names are the log's origin.
    ///   - trusted: Further keys that may have signed what is there: those of other tokens, and retired ones.
    package init(_ signers: [any CheckpointSigner], trusted: [VerifierKey] = []) {
        state = Mutex(State(signers: signers, trusted: trusted))
    }

    /// Signs with other keys from the next checkpoint on; those of `trusted` count besides all that counted before.
    package func replace(with signers: [any CheckpointSigner], trusted: [VerifierKey] = []) {
        state.withLock { state in
            state.signers = signers
            for key in trusted where !state.trusted.contains(key) { state.trusted.append(key) }
            let keys = Set(signers.map(\.verifierKey))
            state.problems = state.problems.filter { keys.contains($0.key) }
        }
    }

    /// Every key whose signature counts, those that sign first.
    package var verifierKeys: [VerifierKey] {
        state.withLock { state in
            var keys: [VerifierKey] = []
            for key in state.signers.map(\.verifierKey) + state.trusted where !keys.contains(key) { keys.append(key) }
            return keys
        }
    }

    /// Whether nothing can sign yet.
    var isEmpty: Bool { state.withLock { $0.signers.isEmpty } }

    /// Why keys did not sign the last checkpoint they were asked to; empty when all did.
    package var problems: [String] {
        state.withLock { state in
            state.problems.map { key, problem in "checkpoint key \(key.shortID): \(problem)" }.sorted()
        }
    }

    /// Has every key that is free sign a note's text; calls back once, with at least one good signature or an error.
    ///
    /// The others are waited for as long as `patience` once one has signed; `name` is the log's in the signature lines.
    func sign(
        _ text: [UInt8], name: String, patience: Duration,
        completion: @escaping @Sendable (Result<[SignedNote.Signature], AuditLogError>) -> Void
    ) {
        let free = state.withLock { state in
            let free = state.signers.filter { !state.busy.contains($0.verifierKey) }
            for signer in free { state.busy.insert(signer.verifierKey) }
            for signer in state.signers where !free.contains(where: { $0.verifierKey == signer.verifierKey }) {
                state.problems[signer.verifierKey] = "has not answered"
            }
            return free
        }
        guard !free.isEmpty else {
            return completion(.failure(AuditLogError(.notSigned, "no checkpoint key can be asked")))
        }
        let round = SigningRound(count: free.count, patience: patience, completion: completion)
        for (place, signer) in free.enumerated() {
            Task { round.answered(place, await self.signature(of: signer, text, name: name)) }
        }
    }

    private func signature(
        of signer: any CheckpointSigner, _ text: [UInt8], name: String
    ) async -> Result<SignedNote.Signature, AuditLogError> {
        let result: Result<SignedNote.Signature, AuditLogError>
        do {
            let key = try signer.verifierKey.named(name)
            let bytes = try await signer.sign(text)
            // A signer that has gone wrong must not put a checkpoint in place that nobody can verify.
            result =
                key.isValid(signature: bytes, of: text)
                ? .success(.init(name: key.name, keyID: key.keyID, bytes: bytes))
                : .failure(AuditLogError(.notSigned, "the signature does not verify"))
        } catch {
            result = .failure(AuditLogError(.notSigned, "\(error)"))
        }
        state.withLock { state in
            state.busy.remove(signer.verifierKey)
            switch result {
            case .success: state.problems[signer.verifierKey] = nil
            case .failure(let error): state.problems[signer.verifierKey] = error.reason
            }
        }
        return result
    }
}

/// One checkpoint's signatures as they come in.
final class SigningRound: Sendable {
    typealias Completion = @Sendable (Result<[SignedNote.Signature], AuditLogError>) -> Void

    private struct State {
        var pending: Int
        var signatures: [(place: Int, signature: SignedNote.Signature)] = []
        var failure: AuditLogError?
        var isDone = false
    }

    private let state: Mutex<State>
    private let patience: Duration
    private let completion: Completion

    init(count: Int, patience: Duration, completion: @escaping Completion) {
        state = Mutex(State(pending: count))
        self.patience = patience
        self.completion = completion
    }

    /// One key has signed or failed.
    func answered(_ place: Int, _ result: Result<SignedNote.Signature, AuditLogError>) {
        let (isComplete, isFirst) = state.withLock { state in
            state.pending -= 1
            switch result {
            case .success(let signature): state.signatures.append((place, signature))
            case .failure(let error): state.failure = error
            }
            return (state.pending == 0, state.signatures.count == 1)
        }
        if isComplete { return finish() }
        guard isFirst, case .success = result else { return }
        Task {
            try? await Task.sleep(for: patience)
            finish()
        }
    }

    private func finish() {
        let outcome: Result<[SignedNote.Signature], AuditLogError>? = state.withLock { state in
            guard !state.isDone else { return nil }
            state.isDone = true
            guard state.signatures.isEmpty else {
                return .success(state.signatures.sorted { $0.place < $1.place }.map(\.signature))
            }
            return .failure(state.failure ?? AuditLogError(.notSigned, "no checkpoint key has signed"))
        }
        if let outcome { completion(outcome) }
    }
}
