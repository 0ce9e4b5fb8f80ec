package import StrictEncoding

/// A proof of possession that has been verified: whoever sent the request holds the key it names.
///
/// Source: RFC 9449 section 4.3. Whether it was used before, and whether its nonce is ours, is not decided here.
package struct DPoPProof: Sendable, Equatable {
    /// The algorithms a proof may have; PKCS#1 v1.5 is not among them, since proofs have no past to be compatible with.
    package static let algorithms: [JWSAlgorithm] = [.es256, .edDSA, .ps256]
    /// The longest proof in bytes.
    package static let maximumLength = 4096
    /// How long after its `iat` a proof is accepted, clock skew apart, in seconds.
    package static let maximumAge: Int64 = 60
    /// How far the clocks of those who make proofs and ours may differ, in seconds.
    package static let clockSkew: Int64 = 30

    /// RFC 7638 thumbprint of the key: `cnf.jkt` (RFC 9449 section 6.1).
    package let thumbprint: String
    /// `jti`.
    package let jti: String
    /// `nonce`; nil when absent.
    package let nonce: String?
    /// The last second in which the proof would be accepted.
    package let acceptableUntil: Int64

    /// Verifies a proof for one request; `target` is the request's URI as the client knows it.
    package init(
        verifying proof: [UInt8], method: String, target: String, now: UnixTime
    ) throws(TokenRejection) {
        guard proof.count <= Self.maximumLength else { throw TokenRejection(.tooLong) }
        let dots = try CompactForm.dots(in: proof)
        guard dots.count == 2, let signature = Base64URL.decode(proof[(dots[1] + 1)...]), !signature.isEmpty else {
            throw TokenRejection(.malformed)
        }
        let key = try Self.key(in: try CompactForm.object(proof[..<dots[0]]))
        let claims = try CompactForm.object(proof[(dots[0] + 1)..<dots[1]])
        guard key.verify(signature, over: proof[..<dots[1]]) else { throw TokenRejection(.badSignature) }
        let reader = ClaimReader(claims: claims)
        guard try reader.requiredName("htm") == method else { throw TokenRejection(.badClaim("htm")) }
        guard let uri = claims["htu"]?.string else {
            throw TokenRejection(claims["htu"] == nil ? .missingClaim("htu") : .badClaim("htu"))
        }
        guard let normalised = TargetURI.normalised(uri), normalised == TargetURI.normalised(target) else {
            throw TokenRejection(.badClaim("htu"))
        }
        jti = try reader.requiredName("jti")
        nonce = try reader.name("nonce")
        guard let issuedAt = try reader.time("iat") else { throw TokenRejection(.missingClaim("iat")) }
        guard issuedAt <= now.seconds + Self.clockSkew else { throw TokenRejection(.issuedInFuture) }
        acceptableUntil = issuedAt + Self.maximumAge + Self.clockSkew
        guard now.seconds <= acceptableUntil else { throw TokenRejection(.tooOld) }
        thumbprint = key.thumbprint
    }

    /// The header's key: a public one, of an allowed algorithm, which it is pinned to.
    ///
    /// This is the one place where a key comes out of a header: it proves nothing but that the sender holds it.
    private static func key(in header: JSONObject) throws(TokenRejection) -> PublicJWK {
        if let name = JWSHeader.refused.first(where: { $0 != "jwk" && header[$0] != nil }) {
            throw TokenRejection(.unsupportedHeader(name))
        }
        guard let type = header["typ"]?.string else { throw TokenRejection(.badHeader("typ")) }
        guard JWSHeader.normalised(type) == "dpop+jwt" else { throw TokenRejection(.wrongType) }
        guard let name = header["alg"]?.string, let algorithm = JWSAlgorithm(anyName: name),
            algorithms.contains(algorithm)
        else { throw TokenRejection(.badHeader("alg")) }
        guard var jwk = header["jwk"]?.object else { throw TokenRejection(.badHeader("jwk")) }
        // The name a client gives its key means nothing here; the thumbprint is its name.
        jwk["kid"] = nil
        do {
            return try PublicJWK(parsing: jwk, algorithms: [algorithm], kid: "proof")
        } catch {
            throw TokenRejection(.badHeader("jwk"))
        }
    }
}
