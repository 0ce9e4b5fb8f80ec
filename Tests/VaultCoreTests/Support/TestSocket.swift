import CoreProtocol
import Foundation
import NIOCore
import NIOPosix
import Synchronization
import VaultCore

/// A core's socket with a responder of the test's own: echoes payloads, at once or when it is told to.
final class TestSocket: Sendable {
    private struct State {
        var received: [CoreFrame] = []
        var held: [@Sendable () -> Void] = []
    }

    let path: String
    let isHolding: Bool
    private let reply: ByteBuffer?
    private let state = Mutex(State())

    /// Binds the socket for the length of `body`.
    static func run(
        path: String = freshPath(), users: Set<UInt32> = [getuid()], holding: Bool = false, reply: ByteBuffer? = nil,
        _ body: (TestSocket) async throws -> Void
    ) async throws {
        let socket = TestSocket(path: path, isHolding: holding, reply: reply)
        let bound = try await CoreSocket.bind(
            path: path, users: users, group: .singletonMultiThreadedEventLoopGroup, logger: .silent
        ) { frame, _, reply in socket.respond(frame, reply) }
        do {
            try await body(socket)
        } catch {
            await bound.close()
            throw error
        }
        await bound.close()
    }

    /// Short, for sun_path.
    static func freshPath() -> String { NSTemporaryDirectory() + "vault-core-\(UUID().uuidString.prefix(8)).sock" }

    private init(path: String, isHolding: Bool, reply: ByteBuffer?) {
        self.path = path
        self.isHolding = isHolding
        self.reply = reply
    }

    /// The frames that came, in their order.
    var received: [CoreFrame] { state.withLock { $0.received } }

    /// Waits until so many frames have come.
    func waitFor(_ count: Int) async throws {
        while received.count < count { try await Task.sleep(for: .milliseconds(2)) }
    }

    /// Answers everything that was held back.
    func answerHeld() {
        let held = state.withLock { state in
            defer { state.held = [] }
            return state.held
        }
        for answer in held { answer() }
    }

    private func respond(_ frame: CoreFrame, _ reply: @escaping @Sendable (CoreFrame) -> Void) {
        let answer = CoreFrame(id: frame.id, kind: .success, payload: self.reply ?? frame.payload)
        state.withLock { state in
            state.received.append(frame)
            if isHolding { state.held.append { reply(answer) } }
        }
        if !isHolding { reply(answer) }
    }
}
