extension Entry {
    /// The members of an entry's JSON object, in canonical order (RFC 8785 section 3.2.3: by UTF-16 code units).
    enum Member: String, CaseIterable {
        case actions, actors
        case argumentsSHA256 = "arguments_sha256"
        case audience
        case bundle, client, code, count
        case credentialSHA256 = "credential_sha256"
        case custody, detail, exp, first
        case grantedScope = "granted_scope"
        case iat, identifier
        case inputSHA256 = "input_sha256"
        case jti
        case keyLabel = "key"
        case kid, kind, last, locations
        case manifestVersion = "manifest"
        case `operator`
        case peer, reason
        case requestID = "request_id"
        case requestedScope = "requested_scope"
        case ruleID = "rule"
        case secret
        case secretVersion = "secret_version"
        case subject
        case subjectType = "subject_type"
        case target, time
        case tokenKind = "token_kind"
        case tool, txn, until, user

        /// A dictionary, because every member of every entry is looked up once per request.
        static let named = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })

        /// How many bytes of UTF-8 its strings may have.
        var maximumBytes: Int {
            switch self {
            case .requestedScope, .grantedScope, .locations: 2048
            default: 512
            }
        }
    }
}
