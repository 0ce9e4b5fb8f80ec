package import AuditLog
import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOPosix

extension RouteTable {
    /// The routes of a witness: `add-checkpoint`, and the last cosigned checkpoint of each log.
    ///
    /// Source: C2SP tlog-witness, "HTTP Interface".
    package static func witness(_ witness: Witness) -> RouteTable {
        var table = RouteTable()
        table.on("/add-checkpoint", [.post]) { request, context throws(Refusal) in
            let body = try await Self.body(of: request, upTo: context.requestBytes)
            return await answer { () throws(WitnessRefusal) in try witness.addCheckpoint(body) }
        }
        table.onOthers([.get, .head]) { request, _ throws(Refusal) in
            let parts = request.uri.path.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0].isEmpty, parts[2] == "checkpoint",
                let note = witness.checkpoint(named: String(parts[1]))
            else { throw .notFound }
            return text(.ok, note)
        }
        return table
    }

    /// The record's disk is waited for on a thread for such things.
    private static func answer(
        _ body: @escaping @Sendable () throws(WitnessRefusal) -> [UInt8]
    ) async -> Response {
        let result: Result<[UInt8], WitnessRefusal>
        do {
            result = .success(try await NIOThreadPool.singleton.runIfActive { try body() })
        } catch {
            result = .failure(error as? WitnessRefusal ?? .failed)
        }
        switch result {
        case .success(let line): return text(.ok, line)
        case .failure(.conflict(let size)): return text(.conflict, Array("\(size)\n".utf8), type: "text/x.tlog.size")
        case .failure(let refusal):
            return text(.init(code: refusal.status), Array((refusal.explanation + "\n").utf8))
        }
    }

    private static func text(
        _ status: HTTPResponse.Status, _ bytes: [UInt8], type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
