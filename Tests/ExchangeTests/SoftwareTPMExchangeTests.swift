import AuditLog
import Foundation
import Minting
import StrictEncoding
import Testing
import VaultCore
import VaultTesting

@testable import VaultAppliance

/// The whole way once more over another maker's library and device: nothing in it may be SoftHSM's alone.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SoftwareTPMExchangeTests {
    @Test func anExchangeOnATPMIsGrantedLoggedAndVerifiedLikeAnyOther() async throws {
        let tpm = try SoftwareTPMFixture.shared()
        try await tpm.withToken {
            let fixture = try await ExchangeFixture(devices: [.softwareTPM(tpm)])
            do {
                try await mint("demo-api", algorithm: "ES256", fixture)
                try await mint("api-rs256", algorithm: "RS256", fixture)
            } catch {
                await fixture.core.shutdown()
                throw error
            }
            await fixture.core.shutdown()
            #expect(try fixture.entries().count { $0.kind == .mint } == 2)
            try verifyLog(fixture)
        }
    }

    private func mint(_ target: String, algorithm: String, _ fixture: ExchangeFixture) async throws {
        var builder = try ExchangeRequestBuilder(fixture)
        if target != "demo-api" {
            builder.set("audience", target)
            builder.set("authorization_details", nil)
            builder.set("scope", "use")
        }
        let answer = try ExchangeAnswer(await fixture.service.respond(to: builder.request()))
        #expect(answer.status == 200, "\(target): \(answer.body)")
        let token = try #require(answer.token)
        let dot = try #require(token.utf8.lastIndex(of: UInt8(ascii: ".")))
        let input = Array(token.utf8[..<dot])
        let header = try SigningInput(parsing: input).header
        #expect(header["alg"] == .string(algorithm))
        let kid = try #require(header["kid"]?.string)
        let key = try #require(try JSONWebKeySet(parsing: fixture.keys.jwks.body).key(kid: kid))
        let signature = try #require(Base64URL.decode(token.utf8[token.utf8.index(after: dot)...]))
        #expect(key.verify(signature, over: input))
    }

    /// The checkpoint is signed with ECDSA, type 2 of C2SP signed-note.
    private func verifyLog(_ fixture: ExchangeFixture) throws {
        let text = try String(contentsOfFile: fixture.logDirectory + ".vkey", encoding: .utf8)
        let key = try VerifierKey(parsing: text.trimmingCharacters(in: .newlines))
        #expect(key.algorithm == .ecdsaP256)
        let report = try LogVerifier.verify(directory: fixture.logDirectory, verifierKeys: [key])
        #expect(report.signers == [key] && report.journalTail == 0)
        #expect(report.checkpoint.size == UInt64(try fixture.entries().count))
    }
}
