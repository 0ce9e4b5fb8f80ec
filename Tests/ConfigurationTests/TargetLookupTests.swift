import Foundation
import Testing

@testable import VaultAppliance

@Suite struct TargetLookupTests {
    private func configuration() throws -> Configuration {
        let config = ConfigurationFixture.config.replacingOccurrences(
            of: "audience: billing-aud,",
            with: "audience: billing-aud, resources: [\"https://demo-api.acme.example/billing/\"],")
        return try ConfigurationFixture(config: config).configuration()
    }

    @Test(
        "an audience is a target's name or its audience, exactly",
        arguments: [
            ("demo-api", "demo-api"), ("https://demo-api.acme.example", "demo-api"), ("billing-aud", "billing"),
            ("https://demo-api.acme.example/", nil), ("DEMO-API", nil), ("", nil),
        ] as [(String, String?)])
    func audience(audience: String, name: String?) throws {
        #expect(try configuration().target(audience: audience)?.name == name)
    }

    @Test(
        "of several prefixes of a resource the longest decides",
        arguments: [
            ("https://demo-api.acme.example/", "demo-api"), ("https://demo-api.acme.example/a", "demo-api"),
            ("https://demo-api.acme.example/billing", "demo-api"),
            ("https://demo-api.acme.example/billing/", "billing"),
            ("https://demo-api.acme.example/billing/a/b", "billing"),
            ("https://demo-api.acme.example/billingx", "demo-api"), ("https://demo-api.acme.example", nil),
            ("https://demo-api.acme.example/a/../billing/x", nil), ("https://demo-api.acme.example.evil/", nil),
            ("https://demo-api.acme.example@evil/", nil), ("https://demo-api.acme.example/%2E%2E/", nil),
            ("https://demo-api.acme.example/a#b", nil), ("http://demo-api.acme.example/", nil),
        ] as [(String, String?)])
    func resource(resource: String, name: String?) throws {
        #expect(try configuration().target(resource: resource)?.name == name)
    }

    @Test func aSubjectNeverTakesTheFormOfAnotherIssuersSubject() throws {
        let config = ConfigurationFixture.config.replacingOccurrences(
            of: "roles: [actor]", with: "roles: [actor, subject]")
        let configuration = try ConfigurationFixture(config: config).configuration()
        let (corp, agents) = (configuration.issuers[0], configuration.issuers[1])
        #expect(configuration.subject("alice", of: corp) == "corp:alice")
        #expect(configuration.subject("corp:alice", of: corp) == "corp:corp:alice")
        #expect(configuration.subject("bot", of: agents) == "bot")
        #expect(configuration.subject("corp:alice", of: agents) == nil)
    }
}
