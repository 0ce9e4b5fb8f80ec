import AsyncHTTPClient
import NIOCore
import StrictEncoding
import VaultAppliance

/// What the front says of itself on its ops listener, for `status`.
enum FrontStatus {
    /// The answer of `/health/ready`, or that there was none; waits two seconds at most.
    static func ask(_ ops: Configuration.OpsListener) async -> JSONValue {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let host = ops.host.contains(":") ? "[\(ops.host)]" : ops.host
        let address = "\(host):\(ops.port)"
        var answer: JSONObject?
        if let response = try? await client.execute(
            HTTPClientRequest(url: "http://\(address)/health/ready"), timeout: .seconds(2)),
            let body = try? await response.body.collect(upTo: 1 << 20)
        {
            answer = (try? JSONParser.parse(Array(body.readableBytesView)))?.object
        }
        try? await client.shutdown()
        return .object(answer ?? JSONObject([.init(name: "unreachable", value: .string(address))]))
    }

    /// The same for people.
    static func lines(_ front: JSONObject?) -> [String] {
        guard let front else { return [] }
        if let address = front["unreachable"]?.string { return ["front        does not answer on \(address)"] }
        let build = "\(front["version"]?.string ?? "-") (\((front["build"]?.string ?? "-").prefix(16)))"
        var lines = ["front        \(build), \(front["ready"]?.bool == true ? "ready" : "not ready")"]
        lines += (front["reasons"]?.strings ?? []).map { "             \($0)" }
        lines += (front["warnings"]?.strings ?? []).map { "             warning: \($0)" }
        return lines
    }
}
