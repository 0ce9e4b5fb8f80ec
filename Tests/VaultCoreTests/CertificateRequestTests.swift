import CoreProtocol
import Crypto
import Custody
import HSMBridge
import NIOCore
import StrictEncoding
import SwiftASN1
import Testing
import VaultCore
import X509

@Suite(.timeLimit(.minutes(10))) struct CertificateRequestTests {
    @Test(
        "a request is for the manifest's key and the names that were asked for",
        arguments: ["tls-gateway", "tls-public"])
    func request(label: String) async throws {
        try await CoreFixture.run { fixture in
            try await fixture.serving {
                let pem = try await fixture.certificateRequest(
                    key: label, dns: ["vault.example", "*.vault.example", "XN--bcher-KVA.example"],
                    ip: ["127.0.0.1", "2001:db8::1"])
                let request = try CertificateSigningRequest(pemEncoded: pem)
                let jwk = try fixture.key(label).jwk
                let x = try #require(jwk["x"]?.string.flatMap { Base64URL.decode($0) })
                let y = try #require(jwk["y"]?.string.flatMap { Base64URL.decode($0) })
                let key = Certificate.PublicKey(try P256.Signing.PublicKey(x963Representation: [4] + x + y))
                #expect(request.publicKey == key)
                #expect(request.subject == (try DistinguishedName { CommonName("vault.example") }))
                let extensions = try #require(try request.attributes.extensionRequest?.extensions)
                let names = try #require(try extensions.subjectAlternativeNames)
                let loopback: [UInt8] = [127, 0, 0, 1]
                let documentation: [UInt8] = [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
                #expect(
                    Array(names) == [
                        .dnsName("vault.example"), .dnsName("*.vault.example"), .dnsName("XN--bcher-KVA.example"),
                        .ipAddress(ASN1OctetString(contentBytes: loopback[...])),
                        .ipAddress(ASN1OctetString(contentBytes: documentation[...])),
                    ])
            }
        }
    }

    @Test func aNameTooLongForACommonNameIsAnAlternativeNameAlone() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.serving {
                let label = String(repeating: "a", count: 63)
                let long = "\(label).\(label).\(label).example"
                let alone = try CertificateSigningRequest(
                    pemEncoded: try await fixture.certificateRequest(dns: [long], ip: []))
                #expect(alone.subject == DistinguishedName())
                let both = try CertificateSigningRequest(
                    pemEncoded: try await fixture.certificateRequest(dns: [long], ip: ["127.0.0.1"]))
                #expect(both.subject == (try DistinguishedName { CommonName("127.0.0.1") }))
                let names = try both.attributes.extensionRequest?.extensions.subjectAlternativeNames
                #expect(names?.count == 2)
            }
        }
    }

    @Test(
        "a name that is no host name is refused",
        arguments: [
            "", ".", "a..b", ".example", "example.", "-a.example", "a-.example", "a b", "a/b", "a_b", "bücher.example",
            "\u{212A}.example", "a\u{0}.example", "a\n.example", "*", "*.example", "a.*.example", "*a.example",
            "a,DNS:b", "DNS:a",
            String(repeating: "a", count: 64) + ".example", String(repeating: "aaaaaaa.", count: 31) + "example",
        ])
    func badNames(name: String) async throws {
        try await refuses(dns: [name], ip: [])
    }

    @Test(
        "what is no address is refused",
        arguments: ["", "300.1.1.1", "1.2.3", "localhost", "127.0.0.1/8", "::g", "[::1]", "fe80::1%lo", " 127.0.0.1"])
    func badAddresses(address: String) async throws {
        try await refuses(dns: ["vault.example"], ip: [address])
    }

    @Test func noNamesAndTooManyNamesAreRefused() async throws {
        try await refuses(dns: [], ip: [])
        try await refuses(dns: [String](repeating: "vault.example", count: 33), ip: [])
        try await refuses(dns: ["vault.example"], ip: [String](repeating: "127.0.0.1", count: 32))
    }

    @Test("no other key signs a request", arguments: ["sign-es256", "checkpoint", "none"])
    func otherKeys(label: String) async throws {
        try await refuses(key: label, dns: ["vault.example"], ip: [], code: .unknownKey)
    }

    @Test func aTokenThatIsGoneIsSaidToBeGone() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.serving {
                let isClean = await fixture.core.hsm.shutdown()
                #expect(isClean)
                let code = await fixture.refusal {
                    try await fixture.certificateRequest(dns: ["vault.example"], ip: [])
                }
                #expect(code == .sealed)
            }
        }
    }

    private func refuses(
        key: String = "tls-gateway", dns: [String], ip: [String], code expected: CoreError.Code = .malformed,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await CoreFixture.run { fixture in
            try await fixture.serving {
                let code = await fixture.refusal {
                    try await fixture.certificateRequest(key: key, dns: dns, ip: ip)
                }
                #expect(code == expected, sourceLocation: sourceLocation)
            }
        }
    }
}

extension CoreFixture {
    /// Asks the admin socket for a certificate request, PEM.
    func certificateRequest(key: String = "tls-gateway", dns: [String], ip: [String]) async throws -> String {
        let connection = try await connect(site.settings.adminSocket)
        defer { connection.close() }
        let command: JSONValue = [
            "command": "tls-csr", "key": .string(key), "dns": .array(dns.map { .string($0) }),
            "ip": .array(ip.map { .string($0) }),
        ]
        var reply = try await connection.call(.admin, ByteBuffer(json: command), within: .seconds(30))
        return try #require(reply.readJSON()?.object?["csr"]?.string)
    }

    /// The code of what a call was refused with; nil when it was not.
    func refusal<Answer>(_ body: () async throws -> Answer) async -> CoreError.Code? {
        do {
            _ = try await body()
            return nil
        } catch {
            return (error as? CoreError)?.code
        }
    }
}
