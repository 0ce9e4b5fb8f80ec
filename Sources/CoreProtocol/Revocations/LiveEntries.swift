package import AuditLog
package import NIOCore

/// A page of the `revoked` and `cutoff` entries that are in force, in the order of the log.
package struct LiveEntries: Sendable, Equatable {
    /// One entry and its number.
    package struct Record: Sendable, Equatable {
        /// Rises in the order of the log; means something within one run of the core alone.
        package let number: UInt64
        package let entry: Entry

        /// An entry with its number.
        package init(number: UInt64, entry: Entry) {
            self.number = number
            self.entry = entry
        }
    }

    /// The most records of one page.
    package static let maximumRecords = 512
    /// A page that has this many bytes takes no further record: with the largest last one it still fits a frame.
    package static let sufficientBytes = 256 << 10

    package let records: [Record]
    /// Whether there was nothing more at the time.
    package let isComplete: Bool

    /// A page.
    package init(records: [Record], isComplete: Bool) {
        self.records = records
        self.isComplete = isComplete
    }

    /// As many of the candidates as fit one page.
    package init(first candidates: some Sequence<Record>) {
        var records: [Record] = []
        var bytes = 0
        var isComplete = true
        for record in candidates {
            guard records.count < Self.maximumRecords, bytes < Self.sufficientBytes else {
                isComplete = false
                break
            }
            bytes += record.entry.canonicalBytes.count
            records.append(record)
        }
        self.init(records: records, isComplete: isComplete)
    }

    /// The page as a payload.
    package var payload: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt8(isComplete ? 1 : 0))
        buffer.writeInteger(UInt32(records.count))
        for record in records {
            buffer.writeInteger(record.number)
            buffer.writeField(record.entry.canonicalBytes)
        }
        return buffer
    }

    /// Reads a payload; anything but exactly these fields is refused.
    package init(payload: ByteBuffer) throws(CoreError) {
        var buffer = payload
        let fault = CoreError(.malformed, "live entries: fields are missing or left over")
        guard let complete = buffer.readInteger(as: UInt8.self), complete <= 1,
            let count = buffer.readInteger(as: UInt32.self), count <= Self.maximumRecords
        else { throw fault }
        var records: [Record] = []
        for _ in 0..<count {
            guard let number = buffer.readInteger(as: UInt64.self), let entry = buffer.readField() else { throw fault }
            records.append(Record(number: number, entry: try Entry(payload: entry)))
        }
        guard buffer.readableBytes == 0 else { throw fault }
        self.init(records: records, isComplete: complete == 1)
    }
}

/// What the front asks for with `read`.
package struct ReadRequest: Sendable, Equatable {
    /// The longest the core may be asked to wait.
    package static let maximumWait = Duration.seconds(20)

    /// The first number of interest.
    package let from: UInt64
    /// How long the answer may be held back while there is nothing to tell.
    package let wait: Duration

    /// A request for the entries from a number on.
    package init(from: UInt64, wait: Duration) {
        self.from = from
        self.wait = min(max(wait, .zero), Self.maximumWait)
    }

    /// The request as a payload.
    package var payload: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(from)
        let milliseconds = wait.components.seconds * 1000 + wait.components.attoseconds / 1_000_000_000_000_000
        buffer.writeInteger(UInt32(clamping: milliseconds))
        return buffer
    }

    /// Reads a payload.
    package init(payload: ByteBuffer) throws(CoreError) {
        var buffer = payload
        guard let from = buffer.readInteger(as: UInt64.self), let milliseconds = buffer.readInteger(as: UInt32.self),
            buffer.readableBytes == 0
        else { throw CoreError(.malformed, "read: fields are missing or left over") }
        self.init(from: from, wait: .milliseconds(Int64(milliseconds)))
    }
}
