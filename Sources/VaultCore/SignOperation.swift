import CoreProtocol
import HSMBridge
import AuditLog
import Synchronization

/// One signature and its record, side by side: the credential is released when both are done, whichever comes last.
///
/// Latency is therefore max(C_Sign, fdatasync), not their sum. A signature that failed after its record was written
/// leaves a `mint.aborted` leaf, so that the log never claims a credential that nobody got.
final class SignOperation: Sendable {
    typealias Completion = @Sendable (Result<SignedRecord, CoreError>) -> Void

    private struct Progress {
        var signature: Result<[UInt8], CoreError>?
        var record: Result<UInt64, CoreError>?
        var isFinished = false
    }

    private let progress = Mutex(Progress())
    private let completion: Completion
    private let onAborted: @Sendable (CoreError) -> Void

    /// `onAborted` is called when the record is durable but the signature failed.
    init(completion: @escaping Completion, onAborted: @escaping @Sendable (CoreError) -> Void) {
        self.completion = completion
        self.onAborted = onAborted
    }

    /// Whether the HSM refused before anything was recorded: then nothing should be.
    var isRefused: Bool {
        progress.withLock { if case .failure = $0.signature { true } else { false } }
    }

    /// The HSM is done.
    func signed(_ result: Result<[UInt8], CoreError>) {
        advance { $0.signature = result }
    }

    /// The log is done.
    func recorded(_ result: Result<UInt64, CoreError>) {
        advance { $0.record = result }
    }

    /// The signature was refused before the record was begun: answers without waiting for a record.
    func finishRefused() {
        let refusal: CoreError? = progress.withLock { progress in
            guard !progress.isFinished, case .failure(let error) = progress.signature else { return nil }
            progress.isFinished = true
            return error
        }
        if let refusal { completion(.failure(refusal)) }
    }

    private func advance(_ change: (inout Progress) -> Void) {
        let done: (signature: Result<[UInt8], CoreError>, record: Result<UInt64, CoreError>)? =
            progress.withLock { progress in
                change(&progress)
                guard !progress.isFinished, let signature = progress.signature, let record = progress.record else {
                    return nil
                }
                progress.isFinished = true
                return (signature, record)
            }
        guard let done else { return }
        switch (done.record, done.signature) {
        case (.success(let index), .success(let signature)):
            completion(.success(SignedRecord(signature: signature, index: index)))
        case (.failure(let error), _):
            completion(.failure(error))
        case (.success, .failure(let error)):
            onAborted(error)
            completion(.failure(error))
        }
    }
}
