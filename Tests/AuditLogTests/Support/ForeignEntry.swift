import Foundation
import Synchronization

@testable import AuditLog

extension AuditLog {
    /// Appends an entry of a kind that only a newer version knows.
    func appendForeign(kind: String = "mint.promised") async throws {
        let head = "{\"jti\":\"f\",\"kind\":\"\(kind)\",\"novelty\":\"x\",\"time\":\""
        let prepared = PreparedEntry(
            bytes: Array((head + PreparedEntry.placeholder + "\"}").utf8), timeOffset: head.utf8.count)
        let result = await withCheckedContinuation { continuation in
            let pending = PendingEntry(prepared: prepared) { continuation.resume(returning: $0) }
            let refusal = state.withLock { $0.shard }?.add(pending, usesReserve: true)
            if let refusal { continuation.resume(returning: .failure(refusal)) }
        }
        _ = try result.get()
    }
}
