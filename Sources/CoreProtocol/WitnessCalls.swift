import AuditLog
package import NIOCore

/// The front asks what to show a witness.
package struct WitnessRequest: Sendable, Equatable {
    /// The longest the core may be asked to wait.
    package static let maximumWait = Duration.seconds(20)

    /// The name of the witness's key.
    package let witness: String
    /// How long the answer may be held back while there is nothing new.
    package let wait: Duration

    /// A request for one witness.
    package init(witness: String, wait: Duration) {
        self.witness = witness
        self.wait = min(max(wait, .zero), Self.maximumWait)
    }

    /// The request as a payload.
    package var payload: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeField(witness.utf8)
        let milliseconds = wait.components.seconds * 1000 + wait.components.attoseconds / 1_000_000_000_000_000
        buffer.writeInteger(UInt32(clamping: milliseconds))
        return buffer
    }

    /// Reads a payload.
    package init(payload: ByteBuffer) throws(CoreError) {
        var buffer = payload
        guard let witness = buffer.readTextField(), let milliseconds = buffer.readInteger(as: UInt32.self),
            buffer.readableBytes == 0
        else { throw CoreError(.malformed, "witnessRequest: fields are missing or left over") }
        self.init(witness: witness, wait: .milliseconds(Int64(milliseconds)))
    }
}

/// What a witness has answered, as the front hands it back.
package struct WitnessAnswer: Sendable, Equatable {
    /// The most bytes of an answer: some signature lines, or a size.
    package static let maximumBytes = 16_384

    /// The name of the witness's key.
    package let witness: String
    /// The HTTP status; nil when there was no answer, and `body` says why.
    package let status: Int?
    package let body: [UInt8]

    /// An answer, or why there is none.
    package init(witness: String, status: Int?, body: [UInt8]) {
        self.witness = witness
        self.status = status
        self.body = body
    }

    /// The answer as a payload.
    package var payload: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeField(witness.utf8)
        buffer.writeInteger(UInt16(clamping: status ?? 0))
        buffer.writeField(body)
        return buffer
    }

    /// Reads a payload.
    package init(payload: ByteBuffer) throws(CoreError) {
        var buffer = payload
        guard let witness = buffer.readTextField(), let status = buffer.readInteger(as: UInt16.self),
            let body = buffer.readField(), body.count <= Self.maximumBytes, buffer.readableBytes == 0
        else { throw CoreError(.malformed, "witnessAnswer: fields are missing, left over or too long") }
        self.init(witness: witness, status: status == 0 ? nil : Int(status), body: body)
    }
}
