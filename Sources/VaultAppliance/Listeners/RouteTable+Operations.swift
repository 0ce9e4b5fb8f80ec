import HTTPTypes
import HummingbirdCore
import NIOCore
package import StrictEncoding

/// Whether the appliance can serve, and what keeps it from it.
package struct Readiness: Sendable {
    /// Why it cannot, in our own words; empty when it can.
    package var reasons: [String]
    /// More for people and monitoring, such as the custody mode; members beside `ready` and `reasons`.
    package var details: JSONObject

    /// Ready when there are no reasons against it.
    package init(reasons: [String] = [], details: JSONObject = JSONObject()) {
        self.reasons = reasons
        self.details = details
    }
}

extension RouteTable {
    /// The routes of the ops listener: liveness, readiness and metrics.
    package static func operations(
        readiness: @escaping @Sendable () async -> Readiness, metrics: MetricsRegistry
    ) -> RouteTable {
        var table = RouteTable()
        table.on("/health/live", [.get, .head]) { _, _ throws(Refusal) in
            json(.ok, ["live": true])
        }
        table.on("/health/ready", [.get, .head]) { _, _ throws(Refusal) in
            let readiness = await readiness()
            var answer = readiness.details
            answer["ready"] = .bool(readiness.reasons.isEmpty)
            answer["reasons"] = .array(readiness.reasons.map { .string($0) })
            return json(readiness.reasons.isEmpty ? .ok : .serviceUnavailable, .object(answer))
        }
        table.on("/metrics", [.get, .head]) { _, _ throws(Refusal) in
            Response(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: metrics.exposition())))
        }
        return table
    }

    private static func json(_ status: HTTPResponse.Status, _ value: JSONValue) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: JSONWriter.compact(value))))
    }
}
