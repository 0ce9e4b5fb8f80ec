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
    /// Whether one token's key could not sign: another token's may.
    var isOfToken = false
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

    /// A request with two credentials of a client (RFC 6749 section 5.2).
    static let severalCredentials = ExchangeRefusal(
        .invalidRequest, "more than one way of client authentication is used",
        reason: "client: several credentials in one request")

    /// One of the two parameters of a client assertion stands without the other (RFC 7521 section 4.2).
    static let incompleteAssertion = ExchangeRefusal(
        .invalidRequest, "client_assertion and client_assertion_type must stand together",
        reason: "client: client_assertion or client_assertion_type is missing")

    /// What was issued about the time of our start, the parameter `what`, could have been used before it.
    static func justStarted(_ what: String, retryAfter: Int) -> ExchangeRefusal {
        ExchangeRefusal(
            .temporarilyUnavailable, "try again later with a new assertion", status: 503,
            reason: "\(what): was issued before this front started, or too shortly after",
            retryAfter: retryAfter)
    }

    /// What may be used once could not be remembered as used.
    static func replayCacheFull(retryAfter: Int) -> ExchangeRefusal {
        ExchangeRefusal(
            .temporarilyUnavailable, "try again later", status: 503,
            reason: "client: the replay cache is full; see limits.replay_entries", retryAfter: retryAfter)
    }

    /// A DPoP proof was not accepted (RFC 9449 section 5).
    static func proof(_ reason: String) -> ExchangeRefusal {
        ExchangeRefusal(.invalidDPoPProof, "the DPoP proof was not accepted", reason: "DPoP: \(reason)")
    }

    /// A DPoP proof without a nonce that we gave and still accept (RFC 9449 section 8).
    static func nonce(_ reason: String) -> ExchangeRefusal {
        ExchangeRefusal(
            .useDPoPNonce, "make the proof with the nonce in the DPoP-Nonce field", reason: "DPoP: \(reason)")
    }

    /// A subject or actor token was not accepted (RFC 8693 section 2.2.2).
    ///
    /// That its issuer's keys are not to be had is our own trouble, and may pass.
    static func token(_ rejection: TokenRejection, _ parameter: String) -> ExchangeRefusal {
        if rejection.code == .keysUnavailable {
            return ExchangeRefusal(
                .temporarilyUnavailable, "try again later", status: 503, reason: "\(parameter): \(rejection)",
                retryAfter: 5)
        }
        return ExchangeRefusal(.invalidRequest, "\(parameter) was not accepted", reason: "\(parameter): \(rejection)")
    }

    /// The subject token names who may act, and it is not this agent.
    static let actor = ExchangeRefusal(
        .invalidRequest, "actor_token was not accepted",
        reason: "actor_token: the subject's may_act names another actor")

    /// An actor token where the users' issuer has another way to prove the agent.
    static let actorTokenNotTaken = ExchangeRefusal(
        .invalidRequest, "actor_token is not taken for users of this issuer",
        reason: "actor_token: the agent of this issuer's users is proven otherwise")

    /// A subject token that is genuine, but not for this use.
    static func subject(_ reason: String) -> ExchangeRefusal {
        ExchangeRefusal(.invalidRequest, "subject_token was not accepted", reason: "subject_token: \(reason)")
    }

    /// A partner's assertion was not accepted (RFC 7521 section 4.1).
    static func assertion(_ reason: String) -> ExchangeRefusal {
        ExchangeRefusal(.invalidGrant, "assertion was not accepted", reason: "assertion: \(reason)")
    }

    /// More actors than a token may name.
    static let depth = ExchangeRefusal(
        .invalidRequest, "the chain of actors is too long", reason: "act: more actors than limits.delegation_depth")

    /// A token was handed on as often as one may be.
    static let descent = ExchangeRefusal(
        .invalidRequest, "subject_token was handed on too often", reason: "subject_token: descends from too many others"
    )

    /// The target has no token of the type that was asked for (RFC 8693 section 2.2.2).
    static let tokenType = ExchangeRefusal(
        .invalidRequest, "requested_token_type is not what this target has",
        reason: "requested_token_type: is not the target's")

    /// A transaction token always says its scope.
    static let noScope = ExchangeRefusal(
        .invalidScope, "a transaction token needs a scope", reason: "scope: the rule grants none")

    /// An identity assertion is about a user.
    static let noUser = ExchangeRefusal(
        .invalidRequest, "an identity assertion needs a user", reason: "target: is for users, and there is none")

    /// The target's template cannot say this of the request without doubt.
    static func federation(_ part: String) -> ExchangeRefusal {
        ExchangeRefusal(
            .invalidRequest, "the request cannot be expressed for this target",
            reason: "target: \(part) cannot be made of this request")
    }

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

    /// Somebody or something in the request gets nothing for a time.
    static func cutOff(_ kind: CutOff.Kind) -> ExchangeRefusal {
        ExchangeRefusal(.accessDenied, "refused for now", reason: "cut off: the \(kind.rawValue)")
    }

    /// Only the client that a token was minted for may revoke it (RFC 7009 section 2.1).
    static let notIssuedToCaller = ExchangeRefusal(
        .unauthorizedClient, "the token was not issued to this client", reason: "token: is another client's")

    /// A kind of token that names no client of ours cannot be given up by one (RFC 7009 section 2.2.1).
    static let notRevocable = ExchangeRefusal(
        .unsupportedTokenType, "tokens of this kind cannot be revoked", reason: "token: its kind names no client")

    /// What is revoked and cut off is not known now, so nothing can be said of a token.
    static let revocationsUnknown = ExchangeRefusal(
        .temporarilyUnavailable, "try again later", status: 503, reason: "core: its revocations are not known",
        retryAfter: 1)

    /// Our own keys are not known now, so nothing can be said of a token.
    static let keysUnknown = ExchangeRefusal(
        .temporarilyUnavailable, "try again later", status: 503, reason: "core: its keys are not known", retryAfter: 1)

    /// The core did not sign or did not record.
    init(_ error: CoreError) {
        switch error.code {
        // A key that was put out of use a moment ago: what the front then knows of it is answered so as well.
        case .unknownKey:
            self.init(
                .temporarilyUnavailable, "try again later", status: 503, reason: "core: \(error)", retryAfter: 5)
        case .refused, .malformed:
            // Our own fault, not the client's: nothing it can change will help.
            self.init(.serverError, "the request could not be served", status: 500, reason: "core: \(error)")
        case .cutOff: self.init(.accessDenied, "refused for now", reason: "core: \(error)")
        case .sealed, .saturated, .logUnavailable, .hsmUnavailable, .unreachable:
            self.init(
                .temporarilyUnavailable, "try again later", status: 503, reason: "core: \(error)",
                retryAfter: error.retryAfter ?? 1)
        }
        isOfToken = [.saturated, .hsmUnavailable, .sealed].contains(error.code)
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
