import CoreProtocol
import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Testing
import VaultCore

@Suite(.timeLimit(.minutes(10))) struct CoreSocketTests {
    /// A user number that no process of a test has.
    private static let stranger: UInt32 = 4_000_000_000

    @Test func aPeerWhoIsNotInTheSetIsClosedWithoutAnAnswer() async throws {
        try await TestSocket.run(users: [Self.stranger]) { socket in
            try await FrameClient.run(socket.path) { client, frames in
                // The core may have closed already: then the bytes find nobody.
                try? await client.send(.describe)
                let answer = try? await frames.next()
                #expect(answer == nil)
            }
            #expect(socket.received.isEmpty)
        }
    }

    @Test("the mode keeps others out when nobody else is meant", arguments: [[], [stranger]] as [Set<UInt32>])
    func mode(others: Set<UInt32>) async throws {
        try await TestSocket.run(users: others.union([getuid()])) { socket in
            let mode = try FileManager.default.attributesOfItem(atPath: socket.path)[.posixPermissions] as? Int
            #expect(mode == (others.isEmpty ? 0o600 : 0o666))
        }
    }

    @Test(
        "bytes that are no frame close the connection, and the core goes on",
        arguments: [
            [0, 0, 0, 0], [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1], [0, 0x10, 0, 1], [0xFF, 0xFF, 0xFF, 0xFF],
            [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0], [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 99],
            Array("GET / HTTP/1.1\r\nHost: core\r\n\r\n".utf8),
        ] as [[UInt8]])
    func malformed(bytes: [UInt8]) async throws {
        try await TestSocket.run { socket in
            try await FrameClient.run(socket.path) { client, frames in
                try await client.send(bytes)
                let answer = try? await frames.next()
                #expect(answer == nil)
            }
            try await answers(socket)
            #expect(socket.received.map(\.kind) == [.describe])
        }
    }

    @Test func aClientThatDiesInTheMiddleOfAFrameHasAskedForNothing() async throws {
        try await TestSocket.run { socket in
            let frame = try FrameClient.bytes(.sign, ByteBuffer(repeating: 7, count: 100))
            for length in [1, 4, 12, 13, frame.readableBytes - 1] {
                try await FrameClient.run(socket.path) { client, _ in
                    try await client.send(frame.readableBytesView.prefix(length))
                }
            }
            try await answers(socket)
            #expect(socket.received.map(\.kind) == [.describe])
        }
    }

    @Test func aClientThatLeavesBeforeItsAnswersHarmsNobody() async throws {
        try await TestSocket.run(holding: true) { socket in
            try await FrameClient.run(socket.path) { client, _ in
                for id in 1...100 { try await client.send(.append, id: UInt64(id)) }
                try await socket.waitFor(100)
            }
            socket.answerHeld()
            try await answers(socket)
        }
    }

    @Test func oneConnectionHasABoundedNumberOfRequestsInFlight() async throws {
        try await TestSocket.run(holding: true) { socket in
            try await FrameClient.run(socket.path) { client, frames in
                var bytes = ByteBuffer()
                for id in 1...4097 { bytes.writeImmutableBuffer(try FrameClient.bytes(.append, id: UInt64(id))) }
                try await client.send(bytes.readableBytesView)
                let refused = try #require(try await frames.next())
                let error = CoreError(payload: refused.payload)
                #expect(refused.id == 4097 && refused.kind == .failure)
                #expect(error.code == .saturated && error.retryAfter == 1)
                #expect(socket.received.count == 4096)
                socket.answerHeld()
                var ids: Set<UInt64> = []
                while ids.count < 4096, let frame = try await frames.next() { ids.insert(frame.id) }
                #expect(ids == Set(1...4096))
                // What was answered makes room again.
                try await client.send(.describe, id: 5000)
                try await socket.waitFor(4097)
                socket.answerHeld()
                let last = try await frames.next()
                #expect(last?.id == 5000 && last?.kind == .success)
            }
        }
    }

    @Test func aPeerThatReadsNoRepliesIsReadNoFurther() async throws {
        try await TestSocket.run(reply: ByteBuffer(repeating: 7, count: 1024)) { socket in
            let client = try DeafClient(path: socket.path)
            let frame = Array(try FrameClient.bytes(.describe).readableBytesView)
            let most = 1 << 20
            let sent = try await client.send(frame, atMost: most)
            #expect(sent < most, "the core has taken \(sent) bytes of requests without an end")
            try await answers(socket)
        }
    }

    @Test func twoConnectionsAtOnceGetTheirOwnAnswers() async throws {
        try await TestSocket.run(holding: true) { socket in
            try await FrameClient.run(socket.path) { first, firstFrames in
                try await FrameClient.run(socket.path) { second, secondFrames in
                    try await first.send(.append, ByteBuffer(string: "first"), id: 7)
                    try await second.send(.append, ByteBuffer(string: "second"), id: 7)
                    try await socket.waitFor(2)
                    socket.answerHeld()
                    let one = try #require(try await firstFrames.next())
                    let two = try #require(try await secondFrames.next())
                    #expect(one.id == 7 && String(buffer: one.payload) == "first")
                    #expect(two.id == 7 && String(buffer: two.payload) == "second")
                }
            }
        }
    }

    @Test func aSecondCoreOnTheSameSocketIsRefusedAndTheFirstGoesOn() async throws {
        try await TestSocket.run { socket in
            let error = await #expect(throws: StartError.self) {
                try await TestSocket.run(path: socket.path) { _ in }
            }
            #expect(error?.file == socket.path && error?.problem == "another core answers on this socket")
            try await answers(socket)
        }
    }

    @Test func aSocketThatNobodyAnswersOnIsReplaced() async throws {
        let path = TestSocket.freshPath()
        let old = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        try #require(UnixAddress(path).bind(old) == 0)
        close(old)
        #expect(FileManager.default.fileExists(atPath: path))
        try await TestSocket.run(path: path) { try await answers($0) }
    }

    @Test func aFileThatIsNoSocketIsLeftAlone() async throws {
        let path = TestSocket.freshPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("precious".utf8).write(to: URL(filePath: path))
        let error = await #expect(throws: StartError.self) { try await TestSocket.run(path: path) { _ in } }
        #expect(error?.file == path && error?.field == nil)
        #expect(try Data(contentsOf: URL(filePath: path)) == Data("precious".utf8))
    }

    @Test(
        "a path that cannot be bound is named", arguments: ["/missing/core.sock", String(repeating: "x", count: 200)])
    func unusable(name: String) async throws {
        let path = TestSocket.freshPath() + name
        let error = await #expect(throws: StartError.self) { try await TestSocket.run(path: path) { _ in } }
        #expect(error?.file == path && error?.problem.hasPrefix("cannot be bound") == true)
    }

    /// A new connection is answered.
    private func answers(_ socket: TestSocket) async throws {
        try await FrameClient.run(socket.path) { client, frames in
            try await client.send(.describe, id: 1_000_000)
            // A socket that holds its answers is told to give them.
            while socket.isHolding, !socket.received.contains(where: { $0.id == 1_000_000 }) {
                try await Task.sleep(for: .milliseconds(2))
            }
            socket.answerHeld()
            let frame = try await frames.next()
            #expect(frame?.id == 1_000_000 && frame?.kind == .success)
        }
    }
}
