import CoreProtocol
import Minting
import Policy
import StrictEncoding

/// Why an exchange ends without a credential: what the client learns, and what the log learns beside it.
struct ExchangeRefusal: Error, Sendable {
    /// What the client is told (RFC 6749 section 5.2).
    let error: OAuthError
    let status: Int
    /// The cause for the log, in our own words; never a value from the request.
    let reason: String
    /// The rule that decided, if one did.
    let rule: String?
    /// Seconds after which another try has a chance.
    let retryAfter: Int?
}

/// The one place that maps causes to wire errors (docs/integrating.md, "Errors").
extension ExchangeRefusal {
    private init(
        _ code: OAuthError.Code, _ description: String, status: Int = 400, reason: String, rule: String? = nil,
        retryAfter: Int? = nil
    ) {
        self.init(
            error: OAuthError(code, description), status: status, reason: reason, rule: rule, retryAfter: retryAfter)
    }

    /// A request that cannot be read as what it should be.
    init(_ error: OAuthError) {
        self.init(error: error, status: 400, reason: error.description, rule: nil, retryAfter: nil)
    }

    /// No configured client proved itself; the answer is the same whoever asked.
    static func client(_ reason: String) -> ExchangeRefusal {
        ExchangeRefusal(.invalidClient, "client authentication failed", status: 401, reason: reason)
    }

    /// A subject or actor token was not accepted (RFC 8693 section 2.2.2).
    static func token(_ rejection: TokenRejection, _ parameter: String) -> ExchangeRefusal {
        ExchangeRefusal(.invalidRequest, "\(parameter) was not accepted", reason: "\(parameter): \(rejection)")
    }

    /// The subject token names who may act, and it is not this agent.
    static let actor = ExchangeRefusal(
        .invalidRequest, "actor_token was not accepted",
        reason: "actor_token: the subject's may_act names another actor")

    /// The target is not one that this appliance serves (RFC 8707 section 2, RFC 8693 section 2.2.2).
    static func target(_ reason: String) -> ExchangeRefusal {
        ExchangeRefusal(.invalidTarget, "audience and resource must name one target", reason: reason)
    }

    /// Policy said no.
    init(_ denial: Denial) {
        let reason = "policy: \(denial.code.rawValue): \(denial.reason)"
        if denial.code == .malformedRequest {
            self.init(.invalidRequest, "the request has a value in an unacceptable form", reason: reason)
        } else if denial.code == .excessScope {
            self.init(.invalidScope, "the scope exceeds what may be granted", reason: reason, rule: denial.ruleID)
        } else {
            self.init(.accessDenied, "refused by policy", reason: reason, rule: denial.ruleID)
        }
    }

    /// The core did not sign or did not record.
    init(_ error: CoreError) {
        switch error.code {
        case .refused, .unknownKey, .malformed:
            // Our own fault, not the client's: nothing it can change will help.
            self.init(.serverError, "the request could not be served", status: 500, reason: "core: \(error)")
        case .sealed, .saturated, .logUnavailable, .hsmUnavailable, .unreachable:
            self.init(
                .temporarilyUnavailable, "try again later", status: 503, reason: "core: \(error)",
                retryAfter: error.retryAfter ?? 1)
        }
    }

    /// A token with no life left to give.
    static let noLifetime = ExchangeRefusal(
        .invalidRequest, "subject_token or actor_token expires too soon", reason: "no lifetime is left to grant")

    /// The core has no such key, or it may not sign now.
    static func key(_ label: String) -> ExchangeRefusal {
        ExchangeRefusal(
            .temporarilyUnavailable, "try again later", status: 503, reason: "target: its key \(label) is not active",
            retryAfter: 5)
    }
}

extension ExchangeRefusal {
    /// The answer, an RFC 6749 section 5.2 body: the code is all the client learns; the cause is in the log.
    var response: GatewayResponse {
        var headers: [(String, String)] = []
        if let retryAfter { headers.append(("Retry-After", String(retryAfter))) }
        return GatewayResponse(status: status, headers: headers, body: JSONWriter.compact(error.json))
    }
}
