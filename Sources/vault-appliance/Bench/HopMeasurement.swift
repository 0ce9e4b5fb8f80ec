import CoreProtocol
import Foundation
import Glibc
import Logging
import NIOCore
import NIOPosix
import VaultAppliance
import VaultCore

/// What one `sign` call costs both processes beside its signature: frames made and read, and the Unix socket.
struct HopMeasurement {
    /// As many requests wait for each other as in a usual load.
    private static let inFlight = 16

    let requests: [SignRequest]

    /// Microseconds of processor time a call, of both ends together.
    func microseconds(calls: Int) async throws -> Double {
        let folder = FileManager.default.temporaryDirectory.appending(path: "vault-hop-\(getpid())")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "core.sock").path
        let group = MultiThreadedEventLoopGroup.singleton
        let record = SignedRecord(signature: [UInt8](repeating: 1, count: 64), index: 1)
        let socket = try await CoreSocket.bind(
            path: path, users: [getuid()], group: group, logger: Logger(label: "bench")
        ) { frame, _, reply in
            let isGood = (try? SignRequest(payload: frame.payload)) != nil
            reply(CoreFrame(id: frame.id, kind: isGood ? .success : .failure, payload: record.payload))
        }
        let loop = group.next()
        let connection = try await CoreConnection.connect(path: path, group: loop)
        let session = CoreSession(connection: connection)
        let start = ProcessorTime.process
        // As in the front: the requests live on the loop of their connection to the core.
        try await withTaskExecutorPreference(EventLoopExecutor(loop)) {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for _ in 0..<Self.inFlight {
                    tasks.addTask {
                        for number in 0..<(calls / Self.inFlight) {
                            _ = try await session.sign(requests[number % requests.count])
                        }
                    }
                }
                try await tasks.waitForAll()
            }
        }
        let spent = ProcessorTime.process - start
        connection.close()
        await socket.close()
        return Double(spent) / 1000 / Double(calls)
    }
}
