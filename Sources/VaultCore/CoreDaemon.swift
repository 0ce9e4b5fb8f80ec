import AuditLog
import CoreProtocol
import Custody
package import Logging
package import NIOCore
import ServiceLifecycle
import StrictEncoding

/// The core's two sockets, served until the process is told to stop.
package struct CoreDaemon: Service {
    private let core: VaultCore
    private let group: any EventLoopGroup
    private let logger: Logger

    /// A daemon around a started core.
    package init(core: VaultCore, group: any EventLoopGroup, logger: Logger) {
        self.core = core
        self.group = group
        self.logger = logger
    }

    /// Serves both sockets; on shutdown, or when a socket cannot be had, stops accepting, then closes the core.
    ///
    /// Throws a `CoreEnd` when the process must not end like any other.
    package func run() async throws {
        do {
            try await serve()
        } catch {
            await core.shutdown()
            throw error
        }
        let isClean = await core.shutdown()
        if core.custody?.callHangs == true { throw CoreEnd.sealHangs }
        if core.isLibraryLost { throw CoreEnd.libraryLost }
        guard isClean else { throw CoreEnd.callHangs }
        logger.info("the core has stopped")
    }

    private func serve() async throws {
        let core = core
        let front = try await CoreSocket.bind(
            path: core.settings.frontSocket, users: core.settings.frontUsers, group: group, logger: logger
        ) { frame, _, reply in core.answerFront(frame, reply) }
        let admin: CoreSocket
        do {
            admin = try await CoreSocket.bind(
                path: core.settings.adminSocket, users: core.settings.adminUsers, group: group, logger: logger
            ) { frame, user, reply in core.answerAdmin(frame, of: user, reply) }
        } catch {
            await front.close()
            throw error
        }
        logger.info(
            core.isSealed ? "the core is sealed: custodians have to activate it" : "the core is ready",
            metadata: ["custody": "\(core.inForce.current.statement)", "manifest": "\(core.manifest.version)"])
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await core.keepSnapshots() }
            tasks.addTask { await core.watchWarnings() }
            await untilTheEnd()
            tasks.cancelAll()
        }
        await front.close()
        await admin.close()
    }

    /// Until the process is told to stop, or its PKCS#11 library is lost.
    private func untilTheEnd() async {
        let core = core
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await gracefulShutdown() }
            group.addTask { await core.untilLibraryIsLost() }
            await group.next()
            group.cancelAll()
        }
    }
}

extension VaultCore {
    typealias Reply = @Sendable (CoreFrame) -> Void

    /// The front's calls; anything else is refused.
    func answerFront(_ frame: CoreFrame, _ reply: @escaping Reply) {
        let id = frame.id
        let answer: @Sendable (Result<ByteBuffer, CoreError>) -> Void = { reply(CoreFrame(id: id, result: $0)) }
        do throws(CoreError) {
            switch frame.kind {
            case .describe: answer(.success(ByteBuffer(json: description.json)))
            case .sign: sign(try SignRequest(payload: frame.payload)) { answer($0.map(\.payload)) }
            case .append:
                var payload = frame.payload
                guard let bytes = payload.readField(), payload.readableBytes == 0 else {
                    throw CoreError(.malformed, "append: fields are missing or left over")
                }
                append(try Entry(payload: bytes)) { answer($0.map { ByteBuffer(integer: $0) }) }
            case .tlsSign:
                var payload = frame.payload
                guard let kid = payload.readTextField(), let data = payload.readField(), payload.readableBytes == 0
                else { throw CoreError(.malformed, "tlsSign: fields are missing or left over") }
                tlsSign(key: kid, data: data) { answer($0.map { ByteBuffer(bytes: $0) }) }
            case .open: open(try SecretPassage.Far(payload: frame.payload), answer)
            case .read:
                revocations.read(try ReadRequest(payload: frame.payload)) { answer(.success($0.payload)) }
            case .witnessRequest:
                let request = try WitnessRequest(payload: frame.payload)
                answerLater(answer) { () async throws(CoreError) in
                    ByteBuffer(bytes: try await self.witnessRequest(request) ?? [])
                }
            case .witnessAnswer:
                let witnessed = try WitnessAnswer(payload: frame.payload)
                answerLater(answer) { () async throws(CoreError) in
                    ByteBuffer(integer: try await self.witnessAnswered(witnessed).rawValue)
                }
            case .admin, .success, .failure: throw CoreError(.refused, "this call is not for the front's socket")
            }
        } catch {
            answer(.failure(error))
        }
    }

    /// The operators' commands.
    func answerAdmin(_ frame: CoreFrame, of user: UInt32, _ reply: @escaping Reply) {
        let id = frame.id
        Task {
            let result: Result<ByteBuffer, CoreError>
            do throws(CoreError) {
                switch frame.kind {
                case .describe: result = .success(ByteBuffer(json: self.description.json))
                case .admin: result = .success(ByteBuffer(json: try await self.execute(frame.payload, of: user)))
                default: throw CoreError(.refused, "this call is not for the admin socket")
                }
            } catch {
                result = .failure(error)
            }
            reply(CoreFrame(id: id, result: result))
        }
    }
}

extension CoreFrame {
    /// The reply to the request with this id.
    init(id: UInt64, result: Result<ByteBuffer, CoreError>) {
        switch result {
        case .success(let payload): self.init(id: id, kind: .success, payload: payload)
        case .failure(let error): self.init(id: id, kind: .failure, payload: error.payload)
        }
    }
}
