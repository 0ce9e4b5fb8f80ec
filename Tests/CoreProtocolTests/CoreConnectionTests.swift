import AuditLog
import CoreProtocol
import NIOCore
import NIOPosix
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct CoreConnectionTests {
    private static let patience = Duration.seconds(60)

    /// What the call failed with; nil when it did not.
    private func refusal(_ body: () async throws -> Void) async -> CoreError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? CoreError
        }
    }

    private func code(_ body: () async throws -> Void) async -> CoreError.Code? { await refusal(body)?.code }

    @Test func eachReplyGoesToItsRequestWhateverTheOrder() async throws {
        let held = Mutex<[CoreFrame]>([])
        try await ScriptedCore.run({ frame, number, channel in
            let frames = held.withLock { held in
                held.append(frame)
                return held
            }
            guard number == 20 else { return }
            for frame in frames.reversed() { channel.write(frame.answer(frame.payload), promise: nil) }
            channel.flush()
        }) { connection in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let payload = ByteBuffer(integer: number)
                        let echo = try await connection.call(.append, payload, within: Self.patience)
                        #expect(echo == payload)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func aRequestThatIsNotAnsweredInTimeIsUnreachableAndItsLateReplyIsNobodys() async throws {
        let late = Mutex<CoreFrame?>(nil)
        try await ScriptedCore.run({ frame, number, channel in
            if number == 1 { return late.withLock { $0 = frame } }
            if let first = late.withLock({ $0 }) {
                channel.write(first.answer(ByteBuffer(string: "late")), promise: nil)
            }
            channel.writeAndFlush(frame.answer(ByteBuffer(string: "in time")), promise: nil)
        }) { connection in
            let first = await code {
                _ = try await connection.call(.describe, ByteBuffer(), within: .milliseconds(50))
            }
            #expect(first == .unreachable)
            let second = try await connection.call(.describe, ByteBuffer(), within: Self.patience)
            #expect(String(buffer: second) == "in time")
        }
    }

    // A continuation that is resumed twice stops the process, and one that never is ends at the suite's time limit.
    @Test func everyRequestInFlightOnABrokenConnectionFailsExactlyOnce() async throws {
        try await ScriptedCore.run({ frame, number, channel in
            if number == 50 { channel.close(promise: nil) }
        }) { connection in
            let codes = await withTaskGroup(of: CoreError.Code?.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        await code {
                            _ = try await connection.call(.append, ByteBuffer(), within: Self.patience)
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes == [CoreError.Code?](repeating: .unreachable, count: 50))
            await connection.closed()
            let afterwards = await code {
                _ = try await connection.call(.describe, ByteBuffer(), within: Self.patience)
            }
            #expect(afterwards == .unreachable)
        }
    }

    @Test func closingTheConnectionFailsWhatIsInFlight() async throws {
        try await ScriptedCore.run({ _, _, _ in }) { connection in
            async let waiting = code {
                _ = try await connection.call(.describe, ByteBuffer(), within: Self.patience)
            }
            try await Task.sleep(for: .milliseconds(20))
            connection.close()
            #expect(await waiting == .unreachable)
        }
    }

    @Test("a reply that is no reply is an error", arguments: [CoreFrame.Kind.describe, .sign, .admin])
    func oddReplies(kind: CoreFrame.Kind) async throws {
        try await ScriptedCore.run({ frame, _, channel in
            channel.writeAndFlush(frame.answer(ByteBuffer(), kind: kind), promise: nil)
        }) { connection in
            let answer = await code {
                _ = try await connection.call(.describe, ByteBuffer(), within: Self.patience)
            }
            #expect(answer == .malformed)
        }
    }

    @Test func bytesThatAreNoFrameBreakTheConnection() async throws {
        try await ScriptedCore.run({ _, _, channel in
            channel.writeAndFlush(ByteBuffer(bytes: [UInt8](repeating: 0xFF, count: 64)), promise: nil)
        }) { connection in
            let answer = await code {
                _ = try await connection.call(.describe, ByteBuffer(), within: Self.patience)
            }
            #expect(answer == .unreachable)
            await connection.closed()
        }
    }

    @Test func aFailureArrivesWithItsCodeReasonAndRetryAfter() async throws {
        try await ScriptedCore.run({ frame, _, channel in
            let error = CoreError(.saturated, "the queue is full", retryAfter: 7)
            channel.writeAndFlush(frame.answer(error.payload, kind: .failure), promise: nil)
        }) { connection in
            let error = await refusal {
                _ = try await connection.call(.sign, ByteBuffer(), within: Self.patience)
            }
            #expect(error?.code == .saturated && error?.reason == "the queue is full" && error?.retryAfter == 7)
        }
    }

    @Test func aRequestTooLargeForAFrameIsRefusedAtOnceAndTheConnectionGoesOn() async throws {
        try await ScriptedCore.run({ frame, _, channel in
            channel.writeAndFlush(frame.answer(frame.payload), promise: nil)
        }) { connection in
            let large = ByteBuffer(repeating: 0, count: CoreFrame.maximumLength)
            let answer = await code {
                _ = try await connection.call(.sign, large, within: Self.patience)
            }
            #expect(answer == .malformed)
            let most = ByteBuffer(repeating: 7, count: CoreFrame.maximumLength - 9)
            let echo = try await connection.call(.sign, most, within: Self.patience)
            #expect(echo == most)
        }
    }

    @Test func nobodyOnTheSocketIsUnreachable() async {
        let answer = await code {
            _ = try await CoreConnection.connect(
                path: ScriptedCore.freshPath(), group: .singletonMultiThreadedEventLoopGroup)
        }
        #expect(answer == .unreachable)
    }

    @Test("a session refuses answers that cannot be read", arguments: ["", "{}", "nonsense", "{\"instance\":1}"])
    func unreadable(answer: String) async throws {
        try await ScriptedCore.run({ frame, _, channel in
            channel.writeAndFlush(frame.answer(ByteBuffer(string: answer)), promise: nil)
        }) { connection in
            let session = CoreSession(connection: connection)
            let request = SignRequest(kid: "kid", entry: Entry(kind: .mint), input: [1], patience: Self.patience)
            let described = await code { _ = try await session.describe() }
            let signed = await code { _ = try await session.sign(request) }
            #expect(described == .malformed && signed == .malformed)
        }
    }
}
