/// A request at the token endpoint: one of the grants there are, and what is asked for by it.
///
/// Source: RFC 6749 section 3.2 and 4.5.
///
/// `grant_type` alone decides which grant it is. A parameter of another grant is refused: the request means something
/// else than it would get. Those of client authentication are read elsewhere.
package struct TokenRequest: Sendable {
    /// By what a token is asked for.
    package enum Grant: Sendable {
        /// A user's token, and perhaps an agent's (RFC 8693).
        case exchange(TokenExchangeRequest)
        /// A partner's identity assertion (RFC 7523 section 2.1).
        case assertion([UInt8])
        /// The client itself, for no user (RFC 6749 section 4.4).
        case clientCredentials
    }

    /// The `grant_type` of each grant.
    package enum GrantType: String, Sendable, CaseIterable {
        case exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
        case assertion = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        case clientCredentials = "client_credentials"

        /// The parameters that belong to this grant and to no other.
        fileprivate var parameters: [String] {
            switch self {
            case .exchange: ["subject_token", "subject_token_type", "actor_token", "actor_token_type"]
            case .assertion: ["assertion"]
            case .clientCredentials: []
            }
        }
    }

    /// By what it is asked.
    package let grant: Grant
    /// What is asked for.
    package let access: RequestedAccess
    /// The `client_id` parameter, which must name the client that proved itself; nil when absent.
    package let clientID: String?

    /// Reads a form body.
    package init(parsing body: [UInt8]) throws(OAuthError) { try self.init(FormParameters(parsing: body)) }

    /// Reads parameters.
    package init(_ form: FormParameters) throws(OAuthError) {
        let named = try form.required("grant_type")
        guard let type = GrantType.allCases.first(where: { named.elementsEqual($0.rawValue.utf8) }) else {
            throw OAuthError(.unsupportedGrantType, "grant_type is not supported")
        }
        try Self.refuseForeign(form, type)
        grant =
            switch type {
            case .exchange: .exchange(try TokenExchangeRequest(form))
            case .assertion: .assertion(try form.required("assertion"))
            case .clientCredentials: .clientCredentials
            }
        access = try RequestedAccess(form)
        clientID = try form.optional("client_id").map { value throws(OAuthError) in
            guard RequestedAccess.isName(value, maximum: 256) else {
                throw OAuthError(.invalidRequest, "client_id is not visible ASCII")
            }
            return String(decoding: value, as: UTF8.self)
        }
        // Last, so that a known parameter is named by the checks above.
        try form.refuseRepeated(except: RequestedAccess.repeatable)
    }

    /// Parameters of grants that there are not.
    private static let otherGrants = [
        "code", "code_verifier", "redirect_uri", "refresh_token", "username", "password", "device_code",
        "auth_req_id", "request", "request_uri",
    ]

    private static func refuseForeign(_ form: FormParameters, _ type: GrantType) throws(OAuthError) {
        let foreign = otherGrants + GrantType.allCases.filter { $0 != type }.flatMap(\.parameters)
        for parameter in form.parameters {
            guard !foreign.contains(parameter.name) else {
                throw OAuthError(.invalidRequest, "\(parameter.name) does not belong to this grant_type")
            }
        }
    }
}
