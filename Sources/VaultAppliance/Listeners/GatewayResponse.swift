import HTTPTypes
import HummingbirdCore
import NIOCore

/// The answer to a `GatewayRequest`.
package struct GatewayResponse: Sendable {
    /// The HTTP status, 200 to 599.
    package var status: Int
    /// Names and values of header fields; `Cache-Control: no-store` and a JSON `Content-Type` are the defaults.
    package var headers: [(String, String)]
    /// The body.
    package var body: [UInt8]

    /// An answer by its parts.
    package init(status: Int, headers: [(String, String)] = [], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The answer for Hummingbird; a field whose name is no HTTP token is left out.
    var response: Response {
        var fields = HTTPFields()
        for (name, value) in headers {
            guard let name = HTTPField.Name(name) else { continue }
            fields.append(HTTPField(name: name, value: value))
        }
        if fields[.cacheControl] == nil { fields[.cacheControl] = "no-store" }
        if fields[.contentType] == nil, !body.isEmpty { fields[.contentType] = "application/json" }
        return Response(
            status: .init(code: status), headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}
