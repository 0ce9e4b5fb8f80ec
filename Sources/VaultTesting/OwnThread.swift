internal import Foundation

/// Runs what computes or waits for long on a thread of its own.
///
/// Swift's tasks share as many threads as there are processors: a test that keeps one holds up all others, until clients
/// that others wrote give up.
package func onOwnThread<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) async throws -> Answer {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
}
