package import AuditLog
package import NIOCore
package import StrictEncoding

/// Payloads of the frames: fields in a fixed order, byte strings behind a uint32 length.
extension ByteBuffer {
    /// Appends a length and the bytes.
    package mutating func writeField(_ bytes: some Collection<UInt8>) {
        writeInteger(UInt32(bytes.count))
        writeBytes(bytes)
    }

    /// Reads what `writeField` wrote; nil if the buffer ends before.
    package mutating func readField() -> [UInt8]? {
        guard let length = readInteger(as: UInt32.self) else { return nil }
        return readBytes(length: Int(length))
    }

    /// Reads a field of UTF-8 text.
    package mutating func readTextField() -> String? {
        guard let bytes = readField() else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The rest of the buffer as strict JSON; nil if it is anything else.
    package mutating func readJSON() -> JSONValue? {
        guard let bytes = readBytes(length: readableBytes) else { return nil }
        return try? JSONParser.parse(bytes)
    }

    /// A payload of one JSON document.
    package init(json: JSONValue) { self.init(bytes: JSONWriter.canonical(json)) }
}

extension SignRequest {
    /// The request as a payload.
    package var payload: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(2048)
        buffer.writeField(kid.utf8)
        let milliseconds = patience.components.seconds * 1000 + patience.components.attoseconds / 1_000_000_000_000_000
        buffer.writeInteger(UInt32(clamping: milliseconds))
        buffer.writeInteger(turn)
        buffer.writeIssueTime(issued)
        buffer.writeField(entry.canonicalBytes)
        buffer.writeField(input)
        return buffer
    }

    /// Reads a payload; anything but exactly these fields is refused.
    package init(payload: ByteBuffer) throws(CoreError) {
        var buffer = payload
        guard let kid = buffer.readTextField(), let milliseconds = buffer.readInteger(as: UInt32.self),
            let turn = buffer.readInteger(as: UInt64.self), let issued = buffer.readIssueTime(),
            let entry = buffer.readField(),
            let input = buffer.readField(), buffer.readableBytes == 0
        else { throw CoreError(.malformed, "sign: fields are missing or left over") }
        self.init(
            kid: kid, entry: try Entry(payload: entry), input: input, patience: .milliseconds(Int64(milliseconds)),
            turn: turn, issued: issued)
    }
}

extension ByteBuffer {
    /// A kind in one byte, then seconds since 1970, which are zero where the kind has none.
    fileprivate mutating func writeIssueTime(_ time: Involved.IssueTime) {
        let (kind, seconds): (UInt8, Int64) =
            switch time {
            case .unknown: (0, 0)
            case .byIssuer(let seconds): (1, seconds)
            case .byUs(let seconds): (2, seconds)
            case .notTold: (3, 0)
            }
        writeInteger(kind)
        writeInteger(seconds)
    }

    fileprivate mutating func readIssueTime() -> Involved.IssueTime? {
        guard let kind = readInteger(as: UInt8.self), let seconds = readInteger(as: Int64.self) else { return nil }
        return switch (kind, seconds) {
        case (0, 0): .unknown
        case (1, _): .byIssuer(seconds)
        case (2, _): .byUs(seconds)
        case (3, 0): .notTold
        default: nil
        }
    }
}

extension SignedRecord {
    /// The record as a payload.
    package var payload: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(index)
        buffer.writeField(signature)
        return buffer
    }

    /// Reads a payload.
    package init(payload: ByteBuffer) throws(CoreError) {
        var buffer = payload
        guard let index = buffer.readInteger(as: UInt64.self), let signature = buffer.readField(),
            buffer.readableBytes == 0
        else { throw CoreError(.malformed, "signed record: fields are missing or left over") }
        self.init(signature: signature, index: index)
    }
}

extension CoreError {
    /// The error as a payload.
    package var payload: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeField(code.rawValue.utf8)
        buffer.writeField(reason.utf8)
        buffer.writeInteger(Int32(clamping: retryAfter ?? -1))
        return buffer
    }

    /// Reads a payload; what cannot be read is itself an error of code `malformed`.
    package init(payload: ByteBuffer) {
        var buffer = payload
        guard let rawCode = buffer.readTextField(), let code = Code(rawValue: rawCode),
            let reason = buffer.readTextField(), let retryAfter = buffer.readInteger(as: Int32.self),
            buffer.readableBytes == 0
        else {
            self.init(.malformed, "an error that cannot be read")
            return
        }
        self.init(code, reason, retryAfter: retryAfter < 0 ? nil : Int(retryAfter))
    }
}

extension Entry {
    /// Reads an entry from the socket against the typed allow-list.
    package init(payload bytes: [UInt8]) throws(CoreError) {
        do {
            self = try Entry(jsonBytes: bytes)
        } catch {
            throw CoreError(.malformed, "entry: \(error)")
        }
    }
}
