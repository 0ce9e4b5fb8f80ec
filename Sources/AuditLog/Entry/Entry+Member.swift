extension Entry {
    /// The members of an entry's JSON object, in canonical order (RFC 8785 section 3.2.3: by UTF-16 code units).
    enum Member: String, CaseIterable {
        case actions, actors
        case argumentsSHA256 = "arguments_sha256"
        case bundle, client, code, count, custody, detail, exp
        case grantedScope = "granted_scope"
        case iat, identifier
        case inputSHA256 = "input_sha256"
        case jti
        case keyLabel = "key"
        case kid, kind, locations
        case manifestVersion = "manifest"
        case `operator`
        case peer, reason
        case requestID = "request_id"
        case requestedScope = "requested_scope"
        case ruleID = "rule"
        case target, time
        case tokenKind = "token_kind"
        case tool, txn, user

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
