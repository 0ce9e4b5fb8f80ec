import Foundation
import NIOCore
import NIOHTTP1

/// One request of a run, made before the clock starts.
struct LoadRequest: Sendable {
    let head: HTTPRequestHead
    let body: ByteBuffer

    /// The form bodies of a file, one a line.
    static func bodies(file: String) throws -> [Substring] {
        let bodies = try String(contentsOf: URL(filePath: file), encoding: .utf8).split(separator: "\n")
        guard !bodies.isEmpty else { throw CommandFailure("\(file): holds no requests") }
        return bodies
    }

    /// Posts of these bodies to a token endpoint.
    static func all(file: String, host: String, port: Int) throws -> [LoadRequest] {
        try bodies(file: file).map { body in
            let head = HTTPRequestHead(
                version: .http1_1, method: .POST, uri: "/oauth2/token",
                headers: [
                    "host": "\(host):\(port)", "content-type": "application/x-www-form-urlencoded",
                    "content-length": "\(body.utf8.count)",
                ])
            return LoadRequest(head: head, body: ByteBuffer(substring: body))
        }
    }
}
