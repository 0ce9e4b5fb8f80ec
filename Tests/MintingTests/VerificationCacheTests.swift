import Minting
import StrictEncoding
import Testing

@Suite struct VerificationCacheTests {
    private let cache = VerificationCache()

    /// A verifier with this test's cache that has seen a good token already.
    private func primed(_ token: [UInt8], _ issuer: Issuer? = nil) throws -> InboundTokenVerifier {
        let verifier = try Corp.verifier(issuer, cache: cache)
        #expect(verifier.rejection(of: token) == nil)
        #expect(cache.count == 1)
        return verifier
    }

    @Test func aTokenThatComesAgainReadsTheSame() throws {
        let token = try TestKey.es256.token(ClaimsText())
        let verifier = try primed(token)
        let first = try Corp.verifier().verify(token, role: .subject, now: Corp.now)
        let again = try verifier.verify(token, role: .subject, now: Corp.now)
        #expect(again.claims == first.claims && again.subject == first.subject && again.groups == first.groups)
        #expect(cache.count == 1)
    }

    @Test func aRememberedTokenExpires() throws {
        let token = try TestKey.edDSA.token(ClaimsText())
        let verifier = try primed(token)
        #expect(verifier.rejection(of: token, now: Corp.now.adding(seconds: 329)) == nil)
        #expect(verifier.rejection(of: token, now: Corp.now.adding(seconds: 330)) == .expired)
        #expect(verifier.rejection(of: token, now: Corp.now.adding(seconds: -31)) == .notYetValid)
    }

    @Test func roleAudienceAgeAndTypeAreCheckedOnEveryUse() throws {
        let token = try TestKey.edDSA.token(ClaimsText(), type: "at+jwt")
        _ = try primed(token)
        let keys = try Corp.keys()
        let actorsOnly = try Corp.verifier(Corp.configured(roles: [.actor]), cache: cache)
        #expect(actorsOnly.rejection(of: token) == .issuerNotInRole)
        let young = try Corp.verifier(Corp.configured(maximumAge: 1, clockSkew: 0), cache: cache)
        #expect(young.rejection(of: token, now: Corp.now.adding(seconds: 2)) == .tooOld)
        let clients = try Corp.verifier(Corp.configured(roles: [.client]), cache: cache)
        #expect(clients.rejection(of: token, role: .client) == .wrongType)
        let elsewhere = try Issuer(
            name: "corp", issuer: Corp.issuer, roles: [.subject], audiences: ["https://elsewhere.example"],
            algorithms: [.es256, .rs256, .edDSA], keys: keys)
        #expect(try Corp.verifier(elsewhere, cache: cache).rejection(of: token) == .wrongAudience)
    }

    @Test func aKeyThatIsGoneVerifiesNothingAnyMore() throws {
        let token = try TestKey.edDSA.token(ClaimsText())
        _ = try primed(token)
        let rotated = try Corp.verifier(Corp.configured(keys: try Corp.keys([.es256])), cache: cache)
        #expect(rotated.rejection(of: token) == .unknownKey)
    }

    @Test func anotherKeyUnderTheSameNameVerifiesForItself() throws {
        let token = try TestKey.rs256.token(ClaimsText())
        _ = try primed(token)
        let other = try PublicJWK(
            .rsa(n: bytes(RFCVectors.cookbookModulus), e: [1, 0, 1]), algorithm: .rs256, kid: "rs256")
        let swapped = try Corp.verifier(Corp.configured(keys: try JSONWebKeySet([other])), cache: cache)
        #expect(swapped.rejection(of: token) == .badSignature)
    }

    @Test func anIssuerThatIsGoneIsNotTrustedAnyMore() throws {
        let token = try TestKey.edDSA.token(ClaimsText())
        _ = try primed(token)
        let other = try Corp.verifier(Corp.configured(issuer: "https://other.example"), cache: cache)
        #expect(other.rejection(of: token) == .unknownIssuer)
    }

    @Test func whatIsRejectedIsNotRemembered() throws {
        let verifier = try Corp.verifier(cache: cache)
        #expect(verifier.rejection(of: try TestKey.edDSA.token(ClaimsText(["exp": "1"]))) == .expired)
        #expect(
            verifier.rejection(
                of: try TestKey.edDSA.token(header: #"{"alg":"EdDSA","kid":"x"}"#, claims: ClaimsText().text))
                == .unknownKey)
        #expect(cache.count == 0)
    }

    @Test func theCacheIsBoundedInEntries() throws {
        let cache = VerificationCache(capacity: 8)
        let verifier = try Corp.verifier(cache: cache)
        for number in 0..<40 {
            let token = try TestKey.edDSA.token(ClaimsText(["jti": "\"\(number)\""]))
            #expect(verifier.rejection(of: token) == nil)
            #expect(cache.count <= 8)
        }
        #expect(cache.count >= 4)
    }

    @Test func theCacheIsBoundedInBytes() throws {
        let cache = VerificationCache(capacity: 1000, byteBudget: 8192)
        let verifier = try Corp.verifier(cache: cache)
        for number in 0..<20 {
            let filler = String(repeating: "x", count: 1000)
            let token = try TestKey.edDSA.token(ClaimsText(["jti": "\"\(number)\"", "x": "\"\(filler)\""]))
            #expect(verifier.rejection(of: token) == nil)
            #expect(cache.count <= 8192 / token.count)
        }
        let large = try TestKey.edDSA.token(ClaimsText(["x": "\"\(String(repeating: "x", count: 5000))\""]))
        let before = cache.count
        #expect(verifier.rejection(of: large) == nil)
        #expect(cache.count == before)
    }

    @Test func aCacheWithoutCapacityRemembersNothing() throws {
        let cache = VerificationCache(capacity: 0)
        let verifier = try Corp.verifier(cache: cache)
        #expect(verifier.rejection(of: try TestKey.edDSA.token(ClaimsText())) == nil)
        #expect(cache.count == 0)
    }

    @Test func manyTasksMayUseOneVerifier() async throws {
        let verifier = try Corp.verifier(cache: VerificationCache(capacity: 16))
        let tokens = try (0..<32).map { try TestKey.edDSA.token(ClaimsText(["sub": "\"user-\($0)\""])) }
        let subjects = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try tokens.map { try verifier.verify($0, role: .subject, now: Corp.now).subject }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for seen in subjects { #expect(seen == (0..<32).map { "user-\($0)" }) }
    }
}
