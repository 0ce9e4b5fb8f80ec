import AuditLog
import CoreProtocol
import Custody
import Foundation
import Minting
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultAppliance
@testable import VaultCore

/// Two tokens under load, through two libraries, one of which loses its token.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SeveralTokensExchangeTests {
    /// One answered request.
    private struct Answered: Sendable {
        let status: Int
        let kid: String?
        let jti: String?
    }

    @Test func aTokenThatIsDeletedUnderLoadCostsNoRequestItsAnswer() async throws {
        let fixture = try await ExchangeFixture(devices: [.softHSM(), .softHSM(second: true)])
        let serials = fixture.core.manifest.tokens.map(\.serial)
        let kids = serials.map { serial in
            fixture.core.manifest.keys.first { $0.label == "es256" && $0.token == serial }?.kid
        }
        // As the front's client does, more often.
        let poll = Task {
            while !Task.isCancelled {
                fixture.keys.update(fixture.core.description)
                try? await Task.sleep(for: .milliseconds(100))
            }
        }
        defer { poll.cancel() }
        let both = try await ask(fixture, times: 60)
        #expect(both.allSatisfy { $0.status == 200 } && Set(both.compactMap(\.kid)) == Set(kids.compactMap { $0 }))

        let softHSM = try SoftHSMFixture.shared().directory
        let place = try softHSM.tokenDirectory(serial: serials[0])
        let count = try fixture.entries().count
        async let during = ask(fixture, times: 400)
        while try fixture.entries().count < count + 20 { try await Task.sleep(for: .milliseconds(5)) }
        try FileManager.default.moveItem(atPath: place, toPath: softHSM.away(place))
        let answers = try await during
        #expect(answers.allSatisfy { $0.status == 200 || $0.status == 503 })
        #expect(answers.filter { $0.status == 200 }.count > 200)
        // SoftHSM never finds the objects of a token again whose directory was away once: the other one goes on alone.
        let after = try await ask(fixture, times: 60)
        #expect(after.allSatisfy { $0.status == 200 && $0.kid == kids[1] })

        try await checkLog(fixture, released: both + answers + after)
    }

    /// Every mint was released, or has its aborted leaf; the log is whole.
    private func checkLog(_ fixture: ExchangeFixture, released answers: [Answered]) async throws {
        await fixture.core.shutdown()
        let entries = try fixture.entries()
        let minted = entries.filter { $0.kind == .mint }.compactMap(\.jti)
        let aborted = entries.filter { $0.kind == .mintAborted }.compactMap(\.jti)
        let released = Set(answers.compactMap(\.jti))
        #expect(Set(aborted).count == aborted.count && Set(minted).count == minted.count)
        // Whether a signature was under way when the token went is chance; that none is unaccounted for is not.
        #expect(released.isDisjoint(with: aborted) && released.union(aborted) == Set(minted))
        for jti in aborted {
            let places = entries.indices.filter { entries[$0].jti == jti }
            #expect(places.map { entries[$0].kind } == [.mint, .mintAborted])
        }
        let vkeys = try String(contentsOfFile: fixture.logDirectory + ".vkey", encoding: .utf8)
        let keys = try vkeys.split(separator: "\n").map { try VerifierKey(parsing: String($0)) }
        let report = try LogVerifier.verify(directory: fixture.logDirectory, verifierKeys: keys)
        #expect(Int(report.checkpoint.size) == entries.count)
    }

    /// Asks so many times, eight at once, and verifies every token that is given.
    private func ask(_ fixture: ExchangeFixture, times: Int) async throws -> [Answered] {
        let request = try ExchangeRequestBuilder(fixture).request()
        return try await withThrowingTaskGroup(of: Answered.self) { group in
            var answers: [Answered] = []
            for number in 0..<times {
                if number >= 8, let answer = try await group.next() { answers.append(answer) }
                group.addTask { try await Self.ask(fixture, request) }
            }
            for try await answer in group { answers.append(answer) }
            return answers
        }
    }

    private static func ask(_ fixture: ExchangeFixture, _ request: GatewayRequest) async throws -> Answered {
        let answer = try ExchangeAnswer(await fixture.service.respond(to: request))
        guard let token = answer.token else {
            return Answered(status: answer.status, kid: nil, jti: nil)
        }
        let keys = try JSONWebKeySet(parsing: fixture.keys.jwks.body)
        let dot = try #require(token.utf8.lastIndex(of: UInt8(ascii: ".")))
        let input = Array(token.utf8[..<dot])
        let parsed = try SigningInput(parsing: input)
        let kid = try #require(parsed.header["kid"]?.string)
        let signature = try #require(Base64URL.decode(token.utf8[token.utf8.index(after: dot)...]))
        #expect(keys.key(kid: kid)?.verify(signature, over: input) == true)
        return Answered(status: answer.status, kid: kid, jti: parsed.claims["jti"]?.string)
    }
}
