import StrictEncoding

/// Reads registered claims in the one form that is accepted of each.
///
/// Source: RFC 7519 section 4.1.
struct ClaimReader {
    /// The longest name in a claim, in bytes.
    static let maximumNameLength = 256
    /// The longest subject with its issuer's prefix, in bytes.
    static let maximumMappedLength = maximumNameLength + 64
    /// How many parties `act` may nest.
    static let maximumActors = 8
    /// The most groups a token may carry.
    static let maximumGroups = 1024
    /// The longest group in bytes; longer ones are passed over.
    static let maximumGroupLength = 512

    let claims: JSONObject

    /// A string of visible ASCII; nil when the claim is absent.
    func name(_ claim: String, maximum: Int = maximumNameLength) throws(TokenRejection) -> String? {
        guard let value = claims[claim] else { return nil }
        guard let text = value.string, VisibleASCII.isName(text, maximum: maximum) else {
            throw TokenRejection(.badClaim(claim))
        }
        return text
    }

    /// A string of visible ASCII that must be there.
    func requiredName(_ claim: String, maximum: Int = maximumNameLength) throws(TokenRejection) -> String {
        guard let text = try name(claim, maximum: maximum) else { throw TokenRejection(.missingClaim(claim)) }
        return text
    }

    /// A NumericDate in whole seconds; nil when the claim is absent.
    ///
    /// RFC 7519 section 2 allows fractions; they are refused, because parsers differ in what they make of them.
    func time(_ claim: String) throws(TokenRejection) -> Int64? {
        guard let value = claims[claim] else { return nil }
        guard let seconds = value.integer, seconds >= 0 else { throw TokenRejection(.badClaim(claim)) }
        return seconds
    }

    /// `aud` as a list, whichever of its two forms it has.
    ///
    /// Source: RFC 7519 section 4.1.3.
    func audiences() throws(TokenRejection) -> [String] {
        guard let value = claims["aud"] else { throw TokenRejection(.missingClaim("aud")) }
        guard let audiences = value.string.map({ [$0] }) ?? value.strings,
            (1...InboundAudience.maximumCount).contains(audiences.count),
            audiences.allSatisfy({ VisibleASCII.isName($0, maximum: InboundAudience.maximumLength) })
        else { throw TokenRejection(.badClaim("aud")) }
        return audiences
    }

    /// The groups; nil when the claim is absent.
    ///
    /// Groups outside ASCII are passed over: policy can name none of them, so they could neither grant nor deny, and a
    /// user should not lose access over one.
    func groups(_ claim: String) throws(TokenRejection) -> [String]? {
        guard let value = claims[claim] else { return nil }
        guard let groups = value.strings, groups.count <= Self.maximumGroups else {
            throw TokenRejection(.badClaim(claim))
        }
        return groups.filter { VisibleASCII.isPhrase($0, maximum: Self.maximumGroupLength) }
    }

    /// `may_act`: exactly `sub` and perhaps `iss`, since a member we do not know could be a condition we would ignore.
    func mayAct() throws(TokenRejection) -> VerifiedToken.Party? {
        guard let value = claims["may_act"] else { return nil }
        guard let object = value.object, object.members.allSatisfy({ $0.name == "sub" || $0.name == "iss" }) else {
            throw TokenRejection(.badClaim("may_act"))
        }
        return try party(object, "may_act")
    }

    /// `act` unfolded, outermost first; other members of it are history and not read (RFC 8693 section 4.1).
    func actors() throws(TokenRejection) -> [VerifiedToken.Party] {
        var actors: [VerifiedToken.Party] = []
        var next = claims["act"]
        while let value = next {
            guard let object = value.object, actors.count < Self.maximumActors else {
                throw TokenRejection(.badClaim("act"))
            }
            actors.append(try party(object, "act"))
            next = object["act"]
        }
        return actors
    }

    private func party(_ object: JSONObject, _ claim: String) throws(TokenRejection) -> VerifiedToken.Party {
        do {
            let reader = ClaimReader(claims: object)
            return VerifiedToken.Party(
                issuer: try reader.name("iss", maximum: 512),
                subject: try reader.requiredName("sub", maximum: Self.maximumMappedLength))
        } catch {
            throw TokenRejection(.badClaim(claim))
        }
    }
}

/// Bounds of the `aud` claim.
enum InboundAudience {
    static let maximumCount = 64
    static let maximumLength = 512
}
