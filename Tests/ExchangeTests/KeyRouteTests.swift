import CoreProtocol
import StrictEncoding
import Testing

@testable import VaultAppliance

/// Which token's key a request is signed with, and how its time is shared out.
@Suite struct KeyRouteTests {
    private static func key(_ kid: String, label: String = "es256", isAvailable: Bool = true) -> CoreDescription.Key {
        CoreDescription.Key(
            label: label, kid: kid, algorithm: "ES256", purpose: "signing", state: "active",
            jwk: JSONObject([.init(name: "kty", value: "EC")]), maximumLifetime: 60, token: "serial-\(kid)",
            isAvailable: isAvailable)
    }

    private static func directory(_ keys: [CoreDescription.Key]) -> KeyDirectory {
        let directory = KeyDirectory(issuer: "https://vault.example")
        directory.update(description(keys))
        return directory
    }

    private static func description(_ keys: [CoreDescription.Key]) -> CoreDescription {
        CoreDescription(
            instance: "a", appliance: "b", custody: "development", manifestVersion: 1, keys: keys, faults: [],
            figures: [:])
    }

    @Test func requestsGoRoundTheTokensThatAreWell() {
        let directory = Self.directory([Self.key("a"), Self.key("b"), Self.key("c", isAvailable: false)])
        let routes = (0..<100).map { _ in directory.route(label: "es256").map(\.kid) }
        #expect(routes.filter { $0 == ["a", "b", "c"] }.count == 50)
        #expect(routes.filter { $0 == ["b", "a", "c"] }.count == 50)
        #expect(directory.route(label: "other").isEmpty)
    }

    @Test func aKeyThatFailedIsTriedLaterUntilTheCoreTellsAgain() {
        let keys = [Self.key("a"), Self.key("b"), Self.key("c", isAvailable: false)]
        let directory = Self.directory(keys)
        directory.suspect(kid: "a")
        for _ in 0..<10 { #expect(directory.route(label: "es256").map(\.kid) == ["b", "a", "c"]) }
        directory.update(Self.description(keys))
        #expect(Set((0..<10).compactMap { _ in directory.route(label: "es256").first?.kid }) == ["a", "b"])
    }

    @Test func theKeySetIsTheUnionOverTheTokens() throws {
        let directory = Self.directory([
            Self.key("a"), Self.key("b", isAvailable: false), Self.key("c", label: "other"),
        ])
        let set = try JSONParser.parse(directory.jwks.body).object
        #expect(set?["keys"]?.array?.compactMap { $0.object?["kid"]?.string } == ["a", "b", "c"])
    }

    @Test func eachAttemptButTheLastLeavesHalfOfTheTime() throws {
        let keys = Self.directory([Self.key("a"), Self.key("b"), Self.key("c")]).route(label: "es256")
        let start = ContinuousClock.now
        var attempts = MintAttempts(keys, within: .seconds(2))
        let one = attempts.next(now: start)
        let first = try #require(one)
        #expect(first.key.kid == keys[0].kid && first.patience > .milliseconds(990) && first.patience <= .seconds(2))
        let two = attempts.next(now: start + .seconds(1))
        let second = try #require(two)
        #expect(second.key.kid == keys[1].kid && second.patience < .milliseconds(510))
        let three = attempts.next(now: start + .milliseconds(1500))
        let third = try #require(three)
        #expect(third.key.kid == keys[2].kid && third.patience > .milliseconds(490))
        #expect(attempts.next(now: start + .milliseconds(1501)) == nil)
    }

    @Test func withoutTimeThereIsNoOtherAttempt() {
        let keys = Self.directory([Self.key("a"), Self.key("b")]).route(label: "es256")
        let start = ContinuousClock.now
        var attempts = MintAttempts(keys, within: .seconds(2))
        _ = attempts.next(now: start)
        #expect(attempts.next(now: start + .milliseconds(1995)) == nil)
        #expect(attempts.next(now: start + .seconds(5)) == nil)
    }
}
