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

    /// The body of the answer; details cannot take the place of `ready` and `reasons`.
    var json: JSONValue {
        var answer = JSONObject()
        answer["ready"] = .bool(reasons.isEmpty)
        answer["reasons"] = .array(reasons.map { .string($0) })
        for detail in details.members where answer[detail.name] == nil { answer[detail.name] = detail.value }
        return .object(answer)
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
            return json(readiness.reasons.isEmpty ? .ok : .serviceUnavailable, readiness.json)
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
