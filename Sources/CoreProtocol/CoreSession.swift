package import AuditLog
import NIOCore

/// The core's calls over a connection, or over one for each event loop of the caller.
///
/// A request that runs on a loop goes out and comes back there: it never changes threads.
package struct CoreSession: CoreService {
    /// How long calls without a deadline of their own may take.
    private static let patience = Duration.seconds(4)
    /// The same for a description: the front asks every second, and a core that hangs must show within five.
    private static let descriptionPatience = Duration.milliseconds(3500)
    /// What the reply may take beyond the caller's patience before the core counts as gone.
    private static let grace = Duration.milliseconds(500)

    private let first: CoreConnection
    private let others: [CoreConnection]

    /// Calls over the connection of the caller's loop, else over `connection`.
    package init(connection: CoreConnection, others: [CoreConnection] = []) {
        first = connection
        self.others = others
    }

    private var connection: CoreConnection { first.isOnLoop ? first : others.first(where: \.isOnLoop) ?? first }

    /// Ends when one of the connections has.
    package func closed() async {
        await withTaskGroup(of: Void.self) { tasks in
            for connection in [first] + others { tasks.addTask { await connection.closed() } }
            await tasks.next()
            // What ends one ends all: a core that is gone, or a front that gives up.
            close()
        }
    }

    /// Closes the connections; every request in flight fails with `unreachable`.
    package func close() { for connection in [first] + others { connection.close() } }

    package func describe() async throws(CoreError) -> CoreDescription {
        var reply = try await connection.call(.describe, ByteBuffer(), within: Self.descriptionPatience)
        guard let json = reply.readJSON(), let description = CoreDescription(json: json) else {
            throw CoreError(.malformed, "a description that cannot be read")
        }
        return description
    }

    package func sign(_ request: SignRequest) async throws(CoreError) -> SignedRecord {
        let reply = try await connection.call(.sign, request.payload, within: request.patience + Self.grace)
        return try SignedRecord(payload: reply)
    }

    package func append(_ entry: Entry) async throws(CoreError) -> UInt64 {
        var payload = ByteBuffer()
        payload.writeField(entry.canonicalBytes)
        var reply = try await connection.call(.append, payload, within: Self.patience)
        guard let index = reply.readInteger(as: UInt64.self) else {
            throw CoreError(.malformed, "an index that cannot be read")
        }
        return index
    }

    package func read(_ request: ReadRequest) async throws(CoreError) -> LiveEntries {
        let reply = try await connection.call(.read, request.payload, within: request.wait + Self.patience)
        return try LiveEntries(payload: reply)
    }

    package func witnessRequest(_ request: WitnessRequest) async throws(CoreError) -> [UInt8]? {
        let reply = try await connection.call(.witnessRequest, request.payload, within: request.wait + Self.patience)
        return reply.readableBytes == 0 ? nil : Array(reply.readableBytesView)
    }

    package func witnessAnswered(_ answer: WitnessAnswer) async throws(CoreError) -> Witnesses.Verdict {
        var reply = try await connection.call(.witnessAnswer, answer.payload, within: Self.patience)
        guard let verdict = reply.readInteger(as: UInt8.self).flatMap({ Witnesses.Verdict(rawValue: $0) }) else {
            throw CoreError(.malformed, "a verdict that cannot be read")
        }
        return verdict
    }

    package func open(_ request: OpenRequest) async throws(CoreError) -> OpenedSecret {
        let passage = SecretPassage()
        let reply = try await connection.call(.open, passage.payload(request), within: request.patience + Self.grace)
        return try passage.open(reply)
    }

    package func tlsSign(key kid: String, data: [UInt8]) async throws(CoreError) -> [UInt8] {
        var payload = ByteBuffer()
        payload.writeField(kid.utf8)
        payload.writeField(data)
        let reply = try await connection.call(.tlsSign, payload, within: Self.patience)
        return Array(reply.readableBytesView)
    }
}
