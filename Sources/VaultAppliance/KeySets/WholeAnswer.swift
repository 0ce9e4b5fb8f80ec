import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// An answer with all of its body, which came in time.
struct WholeAnswer: Sendable {
    /// The answer did not come in time, or not whole.
    struct Late: Error, CustomStringConvertible {
        let description = "the answer did not come in time"
    }

    let status: UInt
    let body: [UInt8]

    /// Has a request answered within `patience`, from the connection to the last byte, by a body of at most `limit` bytes.
    ///
    /// The deadline of `execute` ends with the head of an answer. What comes after it may come a byte at a time, for ever,
    /// as long as each is earlier than the read timeout. `check` may refuse a head, whose body is not waited for then.
    static func get(
        _ request: HTTPClientRequest, by client: HTTPClient, upTo limit: Int, within patience: Duration,
        check: @escaping @Sendable (HTTPClientResponse) throws -> Void = { _ in }
    ) async throws -> WholeAnswer {
        try await withThrowingTaskGroup(of: WholeAnswer.self) { tasks in
            defer { tasks.cancelAll() }
            tasks.addTask {
                let response = try await client.execute(request, deadline: .now() + TimeAmount(patience))
                try check(response)
                let body = try await response.body.collect(upTo: limit)
                // A body whose task was cancelled may look like one that has ended.
                try Task.checkCancellation()
                return WholeAnswer(status: response.status.code, body: Array(body.readableBytesView))
            }
            tasks.addTask {
                try await Task.sleep(for: patience)
                throw Late()
            }
            guard let first = try await tasks.next() else { throw Late() }
            return first
        }
    }
}
