package import NIOCore

/// One message on a core socket: `uint32 length | uint64 id | uint8 kind | payload`, integers big endian.
///
/// Requests carry an id of the client's choice; the reply carries the same id, and replies come in any order. `length`
/// counts id, kind and payload.
package struct CoreFrame: Sendable, Equatable {
    /// The kinds of message.
    ///
    /// An unknown one closes the connection.
    package enum Kind: UInt8, Sendable {
        case describe = 1
        case sign = 2
        case append = 3
        case tlsSign = 4
        /// A sealed secret for one recorded use.
        case open = 5
        /// The entries that stop credentials and are in force; held back while there is nothing new.
        case read = 6
        /// What to show a witness of the log; held back while there is nothing new.
        case witnessRequest = 7
        /// What a witness has answered.
        case witnessAnswer = 8
        /// A command on the admin socket: a JSON object with the member `command`.
        case admin = 16
        case success = 128
        case failure = 129
    }

    /// The largest frame either side accepts, in bytes.
    package static let maximumLength = 1 << 20
    static let headerLength = 9

    /// Which request it is, or answers; unique among those under way on its connection.
    package var id: UInt64
    /// What is asked or answered.
    package var kind: Kind
    /// Its fields, as `kind` has them.
    package var payload: ByteBuffer

    /// A frame.
    package init(id: UInt64, kind: Kind, payload: ByteBuffer) {
        self.id = id
        self.kind = kind
        self.payload = payload
    }
}

/// Cuts the byte stream into frames.
package struct CoreFrameDecoder: ByteToMessageDecoder {
    package typealias InboundOut = CoreFrame

    /// A decoder with nothing buffered.
    package init() {}

    /// Hands on one frame if it is complete; a bad length or kind is an error that closes the connection.
    package mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) else { return .needMoreData }
        guard (CoreFrame.headerLength...CoreFrame.maximumLength).contains(Int(length)) else {
            throw CoreError(.malformed, "a frame of \(length) bytes")
        }
        guard buffer.readableBytes >= 4 + Int(length) else { return .needMoreData }
        buffer.moveReaderIndex(forwardBy: 4)
        guard let id = buffer.readInteger(as: UInt64.self), let rawKind = buffer.readInteger(as: UInt8.self),
            let kind = CoreFrame.Kind(rawValue: rawKind),
            let payload = buffer.readSlice(length: Int(length) - CoreFrame.headerLength)
        else { throw CoreError(.malformed, "a frame of an unknown kind") }
        context.fireChannelRead(wrapInboundOut(CoreFrame(id: id, kind: kind, payload: payload)))
        return .continue
    }

    /// What is left at the end of the stream is dropped: a peer that died mid-frame asked for nothing.
    package mutating func decodeLast(
        context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
    ) throws -> DecodingState {
        .needMoreData
    }
}

/// Writes frames.
package struct CoreFrameEncoder: MessageToByteEncoder {
    package typealias OutboundIn = CoreFrame

    /// An encoder.
    package init() {}

    /// Appends one frame.
    package func encode(data: CoreFrame, out: inout ByteBuffer) throws {
        let length = CoreFrame.headerLength + data.payload.readableBytes
        guard length <= CoreFrame.maximumLength else { throw CoreError(.malformed, "a frame of \(length) bytes") }
        out.reserveCapacity(minimumWritableBytes: 4 + length)
        out.writeInteger(UInt32(length))
        out.writeInteger(data.id)
        out.writeInteger(data.kind.rawValue)
        out.writeImmutableBuffer(data.payload)
    }
}
