import Crypto
import HTTPTypes
import HummingbirdCore
import NIOCore
import StrictEncoding

/// A public document that changes rarely: metadata or a key set.
package struct StaticDocument: Sendable {
    /// The bytes.
    package let body: [UInt8]
    /// A strong validator made of the bytes.
    ///
    /// Source: RFC 9110 section 8.8.3.
    package let entityTag: String
    private let buffer: ByteBuffer

    /// A JSON document; make it when the content changes, not for each request.
    package init(json body: [UInt8]) {
        self.body = body
        buffer = ByteBuffer(bytes: body)
        entityTag = "\"\(Base64URL.string(Array(SHA256.hash(data: body)).prefix(16)))\""
    }

    /// The answer to GET or HEAD; 304 when the client has it already.
    ///
    /// Source: RFC 9110 section 13.1.2.
    func response(to request: Request) -> Response {
        var fields: HTTPFields = [.cacheControl: "public, max-age=300", .eTag: entityTag]
        if let known = request.headers[.ifNoneMatch], matches(known) {
            return Response(status: .notModified, headers: fields)
        }
        fields[.contentType] = "application/json"
        return Response(status: .ok, headers: fields, body: ResponseBody(byteBuffer: buffer))
    }

    /// Weak comparison with a list of entity tags.
    private func matches(_ header: String) -> Bool {
        header.utf8.split(separator: UInt8(ascii: ",")).contains { element in
            let tag = String(Substring(element)).drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
            return tag == "*" || tag == entityTag || tag == "W/\(entityTag)"
        }
    }
}
