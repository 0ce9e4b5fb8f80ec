import HTTPTypes
import HummingbirdCore
import NIOCore

/// An answer of the listener itself, before or instead of a route's.
///
/// Every error is JSON in the form of RFC 6749 section 5.2. The texts are ours and fixed: nothing of a request and
/// nothing internal is repeated.
struct Refusal: Error, Sendable, Equatable {
    /// The HTTP status.
    let status: Int
    /// The `error` member.
    let code: String
    /// The `error_description` member: ASCII without quote and backslash, as section 5.2 asks.
    let explanation: String
    /// Fields of the answer's header beside the usual ones.
    var fields: HTTPFields = [:]
    /// Whether the rest of the connection is of no use.
    var closes = false

    static let malformedMessage = Refusal(
        status: 400, code: "invalid_request", explanation: "not a well-formed HTTP message", closes: true)
    static let severalHosts = Refusal(
        status: 400, code: "invalid_request", explanation: "there is more than one Host field", closes: true)
    static let badTarget = Refusal(
        status: 400, code: "invalid_request", explanation: "the path has segments or characters that are not accepted")
    static let queryNotAllowed = Refusal(
        status: 400, code: "invalid_request", explanation: "parameters belong in the body, not in the URI")
    static let wrongContentType = Refusal(
        status: 400, code: "invalid_request", explanation: "the body must be application/x-www-form-urlencoded")
    /// The client's certificate was verified by authorities that are in force no more; a new connection tells whether
    /// those of today take it (RFC 9110 section 15.5.2 asks for the challenge).
    static let authoritiesChanged = Refusal(
        status: 401, code: "invalid_client", explanation: "authorities have changed: connect anew",
        fields: [.wwwAuthenticate: "Basic realm=\"clients\""], closes: true)
    static let notFound = Refusal(status: 404, code: "not_found", explanation: "there is nothing here")
    static let requestTimeout = Refusal(
        status: 408, code: "invalid_request", explanation: "the request did not arrive in time", closes: true)
    static let bodyTooLarge = Refusal(
        status: 413, code: "invalid_request", explanation: "the body is too large", closes: true)
    static let headerTooLarge = Refusal(
        status: 431, code: "invalid_request", explanation: "the header is too large", closes: true)
    static let notReady = Refusal(
        status: 503, code: "temporarily_unavailable", explanation: "not ready", fields: [.retryAfter: "5"])
    static let answerTimeout = Refusal(
        status: 503, code: "temporarily_unavailable", explanation: "no answer in time",
        fields: [.retryAfter: "1"], closes: true)

    /// A method the route does not have.
    ///
    /// Source: RFC 9110 section 15.5.6.
    static func methodNotAllowed(allowed: String) -> Refusal {
        Refusal(
            status: 405, code: "invalid_request", explanation: "the method is not allowed here",
            fields: [.allow: allowed])
    }

    /// A client that asks too often.
    ///
    /// Source: RFC 6585 section 4.
    static func tooManyRequests(_ retryAfter: RetryAfter) -> Refusal {
        Refusal(
            status: 429, code: "temporarily_unavailable", explanation: "too many requests",
            fields: [.retryAfter: String(retryAfter.seconds)])
    }

    /// The JSON body.
    var body: [UInt8] { Array(#"{"error":"\#(code)","error_description":"\#(explanation)"}"#.utf8) }

    /// The whole answer.
    var response: Response {
        var fields = fields
        fields[.contentType] = "application/json"
        fields[.cacheControl] = "no-store"
        if closes { fields[.connection] = "close" }
        return Response(
            status: .init(code: status), headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}
