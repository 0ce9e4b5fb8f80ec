import CoreProtocol
import Minting
import StrictEncoding

/// Why a pushed security event token was not taken, as its transmitter learns it.
///
/// Source: RFC 8935 sections 2.3 and 2.4.
struct SecurityEventRefusal: Error, Sendable {
    /// The registered codes that are used (RFC 8935 section 7.1).
    enum Code: String, Sendable {
        case invalidRequest = "invalid_request"
        case invalidIssuer = "invalid_issuer"
        case invalidAudience = "invalid_audience"
        case authenticationFailed = "authentication_failed"
        case accessDenied = "access_denied"
    }

    /// Nil when it is our fault: then the transmitter tries again.
    let code: Code?
    /// Why, for our log.
    let description: String
    /// Why, for whoever sent it: nothing of which issuers and keys there are, since anybody may send.
    private let told: String
    /// Seconds after which another try has a chance.
    let retryAfter: Int?

    /// A token that will not be taken, however often it is sent.
    init(_ code: Code, _ description: String, told: String? = nil) {
        self.code = code
        self.description = description
        self.told = told ?? description
        retryAfter = nil
    }

    /// A token that failed verification.
    init(_ rejection: TokenRejection) {
        let (code, told): (Code, String) =
            switch rejection.code {
            case .unknownIssuer, .issuerNotInRole: (.invalidIssuer, "the token's iss sends no events here")
            case .unknownKey, .algorithmMismatch, .badSignature:
                (.authenticationFailed, "the token's signature is not by a key of its iss")
            case .wrongAudience: (.invalidAudience, "the token's aud is another")
            default: (.invalidRequest, "the token \(rejection)")
            }
        self.init(code, "the token \(rejection)", told: told)
    }

    /// What the core did not record; the event must not be lost, so it is never the transmitter's fault.
    init(_ error: CoreError) {
        code = nil
        description = "core: \(error)"
        told = ""
        retryAfter = error.retryAfter ?? 1
    }

    /// Something else was sent than one security event token (RFC 8935 section 2.1).
    static let notAnEvent = SecurityEventRefusal(
        .invalidRequest, "the body must be \(SecurityEventToken.mediaType), and the URI without parameters")

    /// The keys of the issuer are not to be had now: the token may be good.
    static let keysUnavailable = SecurityEventRefusal(CoreError(.unreachable, "the issuer's keys are not known now"))

    /// The answer.
    var response: GatewayResponse {
        guard let code else {
            return GatewayResponse(status: 503, headers: [("Retry-After", String(retryAfter ?? 1))], body: [])
        }
        let body: JSONValue = ["err": .string(code.rawValue), "description": .string(told)]
        return GatewayResponse(status: 400, body: JSONWriter.compact(body))
    }
}
