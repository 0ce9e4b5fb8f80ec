import AuditLog
import CoreProtocol
import NIOCore
import Testing

@Suite struct CorePayloadTests {
    private var request: SignRequest {
        var entry = Entry(kind: .mint)
        entry.jti = "0123456789abcdef"
        entry.user = .init(iss: "https://idp.example", sub: "alice")
        entry.exp = 1_800_000_060
        return SignRequest(
            kid: "key", entry: entry, input: Array("e30.e30".utf8), patience: .milliseconds(1500), turn: 77)
    }

    private func code(_ body: () throws -> Void) -> CoreError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? CoreError)?.code
        }
    }

    /// Every shorter payload, and one byte more.
    private func damaged(_ payload: ByteBuffer) -> [ByteBuffer] {
        let bytes = Array(payload.readableBytesView)
        return (0..<bytes.count).map { ByteBuffer(bytes: bytes.prefix($0)) } + [ByteBuffer(bytes: bytes + [0])]
    }

    @Test func aSignRequestTravelsUnchanged() throws {
        let read = try SignRequest(payload: request.payload)
        #expect(read.kid == request.kid && read.entry == request.entry)
        #expect(read.input == request.input && read.patience == request.patience && read.turn == 77)
    }

    @Test func aSignRequestCutAtAnyByteOrWithOneTooManyIsRefused() throws {
        for payload in damaged(request.payload) {
            #expect(code { _ = try SignRequest(payload: payload) } == .malformed)
        }
    }

    @Test(
        "patience stays within what the field can say",
        arguments: [
            (Duration.seconds(-1), Duration.zero), (.zero, .zero), (.microseconds(1500), .milliseconds(1)),
            (.seconds(1 << 40), .milliseconds(Int64(UInt32.max))),
        ])
    func patience(given: Duration, read: Duration) throws {
        var request = request
        request.patience = given
        #expect(try SignRequest(payload: request.payload).patience == read)
    }

    @Test(
        "an entry outside the allow-list is refused",
        arguments: [
            "", "{}", "[]", #"{"kind":"other"}"#, #"{"kind":"mint","token":"secret"}"#, #"{"kind":"mint","exp":-1}"#,
            #"{"kind":"mint","kind":"mint"}"#, #"{"kind":"mint","jti":"a\nb"}"#,
            #"{"kind":"mint","jti":""# + String(repeating: "a", count: Entry.maximumBytes) + #""}"#,
        ])
    func entries(text: String) {
        #expect(code { _ = try Entry(payload: Array(text.utf8)) } == .malformed)
        var payload = ByteBuffer()
        payload.writeField("key".utf8)
        payload.writeInteger(UInt32(1000))
        payload.writeInteger(UInt64(0))
        payload.writeField(text.utf8)
        payload.writeField("e30.e30".utf8)
        #expect(code { _ = try SignRequest(payload: payload) } == .malformed)
    }

    @Test func aSignedRecordTravelsUnchanged() throws {
        let record = SignedRecord(signature: [UInt8](0...63), index: .max)
        #expect(try SignedRecord(payload: record.payload) == record)
    }

    @Test func aSignedRecordCutAtAnyByteOrWithOneTooManyIsRefused() {
        for payload in damaged(SignedRecord(signature: [1, 2, 3], index: 7).payload) {
            #expect(code { _ = try SignedRecord(payload: payload) } == .malformed)
        }
    }

    @Test func anErrorCutAtAnyByteOrWithOneTooManyIsOneThatCannotBeRead() {
        for payload in damaged(CoreError(.saturated, "full", retryAfter: 1).payload) {
            #expect(CoreError(payload: payload).code == .malformed)
        }
    }

    @Test("every code of an error travels", arguments: CoreError.Code.allCases)
    func codes(code: CoreError.Code) {
        #expect(CoreError(payload: CoreError(code, "why").payload).code == code)
    }

    @Test func aFieldOfTextMustBeUTF8() {
        var buffer = ByteBuffer()
        buffer.writeField([0xC3, 0x28])
        #expect(buffer.readTextField() == nil)
    }

    @Test func aFieldThatClaimsMoreThanThereIsIsNotRead() {
        var buffer = ByteBuffer(bytes: [0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3])
        #expect(buffer.readField() == nil)
    }
}
