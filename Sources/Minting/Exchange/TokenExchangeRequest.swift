/// A request for a token in exchange for another.
///
/// Source: RFC 8693 section 2.1.
///
/// Every value is bounded and, but for the tokens themselves, visible ASCII. A parameter that is missing, empty or
/// repeated is an error and never another flow (docs/security-rules.md, 24); unknown ones are ignored, as RFC 6749
/// section 3.2 asks, but for those that belong to other grants; those of client authentication are read elsewhere.
package struct TokenExchangeRequest: Sendable {
    /// The value of `grant_type`.
    package static let grantType = "urn:ietf:params:oauth:grant-type:token-exchange"
    static let maximumTargets = 8
    static let maximumAudienceLength = 512
    private static let repeatable: Set<String> = ["audience", "resource"]
    /// Parameters of other grants: a request that carries one means something else than it would get.
    private static let otherGrants = [
        "code", "code_verifier", "redirect_uri", "refresh_token", "username", "password", "assertion", "device_code",
        "auth_req_id", "request", "request_uri",
    ]

    /// The user's token.
    package let subjectToken: [UInt8]
    /// What the request says it is.
    package let subjectTokenType: TokenType
    /// The agent's token; nil when none was sent.
    package let actorToken: [UInt8]?
    /// What the request says it is; nil exactly when there is none.
    package let actorTokenType: TokenType?
    /// Logical names of the target.
    package let audiences: [String]
    /// Absolute URIs of the target (RFC 8707).
    package let resources: [String]
    /// The scopes asked for; nil when the parameter is absent.
    package let scope: [String]?
    /// The tool call; nil when the request has no details.
    package let authorizationDetails: ToolInvocation?
    /// What is asked for: `access_token` or `jwt`; nil when the request leaves it open.
    package let requestedTokenType: TokenType?
    /// The `client_id` parameter, which must name the client that proved itself; nil when absent.
    package let clientID: String?

    /// Reads a form body.
    package init(parsing body: [UInt8]) throws(OAuthError) { try self.init(FormParameters(parsing: body)) }

    /// Reads parameters.
    package init(_ form: FormParameters) throws(OAuthError) {
        let grantType = try form.required("grant_type")
        guard grantType.elementsEqual(Self.grantType.utf8) else {
            throw OAuthError(.unsupportedGrantType, "grant_type is not token-exchange")
        }
        try form.refuse(grants: Self.otherGrants)
        subjectToken = try form.required("subject_token")
        subjectTokenType = try Self.type(try form.required("subject_token_type"), "subject_token_type")
        actorToken = try form.optional("actor_token")
        actorTokenType = try Self.actorType(form, hasToken: actorToken != nil)
        audiences = try Self.targets(form, "audience") { Self.isName($0, maximum: Self.maximumAudienceLength) }
        resources = try Self.targets(form, "resource", ResourceURI.isAcceptable)
        scope = try form.optional("scope").map { value throws(OAuthError) in try Scope.tokens(value) }
        authorizationDetails = try form.optional("authorization_details").map { value throws(OAuthError) in
            try ToolInvocation(parsing: value)
        }
        requestedTokenType = try Self.requestedType(form)
        clientID = try form.optional("client_id").map { value throws(OAuthError) in
            guard Self.isName(value, maximum: 256) else {
                throw OAuthError(.invalidRequest, "client_id is not visible ASCII")
            }
            return String(decoding: value, as: UTF8.self)
        }
        // Last, so that a known parameter is named by the checks above.
        try form.refuseRepeated(except: Self.repeatable)
    }

    private static func isName(_ value: [UInt8], maximum: Int) -> Bool {
        value.count <= maximum && value.allSatisfy { (0x21...0x7E).contains($0) }
    }

    private static func type(_ value: [UInt8], _ parameter: String) throws(OAuthError) -> TokenType {
        guard let type = TokenType.allCases.first(where: { value.elementsEqual($0.rawValue.utf8) }) else {
            throw OAuthError(.invalidRequest, "\(parameter) is not supported")
        }
        return type
    }

    /// `actor_token_type` must stand with `actor_token` and must not stand without it.
    private static func actorType(_ form: FormParameters, hasToken: Bool) throws(OAuthError) -> TokenType? {
        guard hasToken else {
            guard try form.optional("actor_token_type") == nil else {
                throw OAuthError(.invalidRequest, "actor_token_type stands without actor_token")
            }
            return nil
        }
        return try type(try form.required("actor_token_type"), "actor_token_type")
    }

    private static func requestedType(_ form: FormParameters) throws(OAuthError) -> TokenType? {
        guard let value = try form.optional("requested_token_type") else { return nil }
        let type = try type(value, "requested_token_type")
        guard type != .idToken else { throw OAuthError(.invalidRequest, "requested_token_type is not supported") }
        return type
    }

    private static func targets(
        _ form: FormParameters, _ parameter: String, _ isAcceptable: ([UInt8]) -> Bool
    ) throws(OAuthError) -> [String] {
        let values = try form.values(parameter)
        guard values.count <= maximumTargets else {
            throw OAuthError(.invalidTarget, "there are too many \(parameter)s")
        }
        guard values.allSatisfy(isAcceptable) else {
            throw OAuthError(.invalidTarget, "\(parameter) is not in an acceptable form")
        }
        return values.map { String(decoding: $0, as: UTF8.self) }
    }
}

extension FormParameters {
    fileprivate func refuse(grants: [String]) throws(OAuthError) {
        for parameter in parameters {
            guard !grants.contains(parameter.name) else {
                throw OAuthError(.invalidRequest, "\(parameter.name) does not belong to a token exchange")
            }
        }
    }
}
