import StrictEncoding
import Testing

/// One thing wrong with a pushed security event token, and the code it is refused with (RFC 8935 section 2.4).
struct EventFault: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let code: String
    var header: [JSONObject.Member] = []
    var claims: @Sendable (_ now: Int64) -> [JSONObject.Member] = { _ in [] }
    var subject: JSONValue?
    var isAltered = false
    var raw: String?

    private static func claim(_ name: String, _ value: JSONValue, _ code: String = "invalid_request") -> EventFault {
        EventFault(
            testDescription: "\(name) = \(value)", code: code, claims: { _ in [.init(name: name, value: value)] })
    }

    private static func subject(_ name: String, _ value: JSONValue, _ code: String = "invalid_request") -> EventFault {
        EventFault(testDescription: name, code: code, subject: value)
    }

    static let all: [EventFault] = [
        EventFault(testDescription: "nothing", code: "invalid_request", raw: ""),
        EventFault(testDescription: "no token", code: "invalid_request", raw: "a.b.c"),
        EventFault(testDescription: "an altered signature", code: "authentication_failed", isAltered: true),
        EventFault(
            testDescription: "an unknown key", code: "authentication_failed",
            header: [.init(name: "kid", value: "other")]),
        EventFault(testDescription: "no type", code: "invalid_request", header: [.init(name: "typ", value: .null)]),
        EventFault(
            testDescription: "another type", code: "invalid_request", header: [.init(name: "typ", value: "JWT")]),
        claim("iss", "https://unknown.example", "invalid_issuer"),
        claim("iss", "https://idp.acme.example", "invalid_issuer"),
        claim("aud", "https://other.example", "invalid_audience"), claim("aud", .null), claim("jti", .null),
        claim("iat", .null), claim("events", .null), claim("events", [:]), claim("events", "x"),
        EventFault(
            testDescription: "a time two days ago", code: "invalid_request",
            claims: { [.init(name: "iat", value: .integer($0 - 2 * 86_400))] }),
        EventFault(
            testDescription: "a time to come", code: "invalid_request",
            claims: { [.init(name: "iat", value: .integer($0 + 600))] }),
        claim("sub_id", .null),
        subject("an address of mail", ["format": "email", "email": "fay@acme.example"]),
        subject("an opaque id", ["format": "opaque", "id": "1"]),
        subject("one member too many", ["format": "iss_sub", "iss": "https://idp.acme.example", "sub": "fay", "x": 1]),
        subject(
            "a user of an issuer it may not speak of",
            ["format": "iss_sub", "iss": "https://agents.acme.example", "sub": "fay"], "access_denied"),
        subject(
            "a client of ours, as a user of its issuer",
            ["format": "iss_sub", "iss": "https://idp.acme.example", "sub": "client:gateway-mcp"], "access_denied"),
        subject(
            "a user of nobody we know", ["format": "iss_sub", "iss": "https://x.example", "sub": "fay"], "access_denied"
        ),
    ]
}
