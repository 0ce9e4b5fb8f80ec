package import AuditLog
import NIOCore

/// The core's calls over one connection.
package struct CoreSession: CoreService {
    /// How long calls without a deadline of their own may take.
    private static let patience = Duration.seconds(4)
    /// What the reply may take beyond the caller's patience before the core counts as gone.
    private static let grace = Duration.milliseconds(500)

    private let connection: CoreConnection

    /// Calls over `connection`.
    package init(connection: CoreConnection) { self.connection = connection }

    package func describe() async throws(CoreError) -> CoreDescription {
        var reply = try await connection.call(.describe, ByteBuffer(), within: Self.patience)
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

    package func tlsSign(key kid: String, data: [UInt8]) async throws(CoreError) -> [UInt8] {
        var payload = ByteBuffer()
        payload.writeField(kid.utf8)
        payload.writeField(data)
        let reply = try await connection.call(.tlsSign, payload, within: Self.patience)
        return Array(reply.readableBytesView)
    }
}
