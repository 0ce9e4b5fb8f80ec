import StrictEncoding
import Testing

@testable import Minting

/// An issuer whose keys change under way: what was remembered of a token is bound to the keys that verified it.
@Suite struct RefreshedKeySetTests {
    private let keys = RefreshedKeySet(maximumAge: 600)

    private func verifier() throws -> InboundTokenVerifier {
        let issuer = try Issuer(
            name: "corp", issuer: Corp.issuer, roles: [.subject], audiences: ["https://vault.acme.example"],
            algorithms: [.es256, .edDSA], keys: keys)
        return InboundTokenVerifier(issuers: try IssuerSet([issuer]))
    }

    @Test func withoutKeysItsTokensAreRefused() throws {
        let token = try TestKey.es256.token(ClaimsText())
        #expect(try verifier().rejection(of: token) == .keysUnavailable)
    }

    @Test func aRememberedTokenIsRefusedOnceItsKeyIsGone() throws {
        let (verifier, token) = (try verifier(), try TestKey.es256.token(ClaimsText()))
        keys.replace(with: try Corp.keys([.es256]), fetchedAt: Corp.now)
        #expect(verifier.rejection(of: token) == nil)
        #expect(verifier.rejection(of: token) == nil)
        keys.replace(with: try Corp.keys([.edDSA]), fetchedAt: Corp.now)
        #expect(verifier.rejection(of: token) == .unknownKey)
        keys.replace(with: try Corp.keys([.es256, .edDSA]), fetchedAt: Corp.now)
        #expect(verifier.rejection(of: token) == nil)
    }

    @Test func keysThatAreTooOldVerifyNothingNotEvenWhatIsRemembered() throws {
        let (verifier, token) = (try verifier(), try TestKey.es256.token(ClaimsText()))
        keys.replace(with: try Corp.keys([.es256]), fetchedAt: Corp.now.adding(seconds: -600))
        #expect(verifier.rejection(of: token) == nil)
        #expect(verifier.rejection(of: token, now: Corp.now.adding(seconds: 1)) == .keysUnavailable)
    }
}
