import StrictEncoding
import Testing

@testable import VaultAppliance

/// Which client a certificate belongs to, by each of the names it can be configured by (RFC 8705 section 2.1.2).
@Suite struct ClientNameTests {
    /// Made by openssl: two alternative names, and a subject with a comma that RFC 4514 escapes.
    private static let certificate = """
        MIIB4jCCAYigAwIBAgIUA6/v6z1q4AmjJi/gHN+c4CIoY8cwCgYIKoZIzj0EAwIwJjENMAsGA1UECgwEQWNtZTEVMBMGA1UE
        AwwMZ2F0ZXdheSwgb25lMB4XDTI2MTEyNjE0NTAxOVoXDTM2MTEyMzE0NTAxOVowJjENMAsGA1UECgwEQWNtZTEVMBMGA1UE
        AwwMZ2F0ZXdheSwgb25lMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtPKCqYvKyWs4Spvdcvfozp5jKuKHlZNlP0EAejck
        Jjk47ZZnh54EgIKlWoHAWaiTQH5ImurQ9NZe3CL6LhcUPKOBkzCBkDAdBgNVHQ4EFgQUktmw8C8EANII+C9yCy46IdmPwd4w
        HwYDVR0jBBgwFoAUktmw8C8EANII+C9yCy46IdmPwd4wDwYDVR0TAQH/BAUwAwEB/zA9BgNVHREENjA0hiFzcGlmZmU6Ly9h
        Y21lLmV4YW1wbGUvZ2F0ZXdheS9tY3CCD2d3LmFjbWUuZXhhbXBsZTAKBggqhkjOPQQDAgNIADBFAiAyw3Aj3n4VT/NCBCeG
        R/AdRJ8a/ZQjcM6PekpoHHe5jgIhAITzvS8okqYecxC2ID9lLsBHFsFqt+GRpj3if9zXhkf/
        """

    private func peer() throws -> PeerCertificate {
        let text = Self.certificate.filter { !$0.isWhitespace }
        return try PeerCertificate(der: try #require(StandardBase64.decode(Array(text.utf8))))
    }

    private func client(_ names: ClientDirectory.Client.Name...) throws -> Result<Principal, ExchangeRefusal> {
        let clients = names.enumerated().map { number, name in
            ClientDirectory.Client(id: "client-\(number)", proof: .certificate(name))
        }
        let peer = try peer()
        return Result { () throws(ExchangeRefusal) in
            try ClientDirectory(clients).authenticate(peer, now: peer.notBefore)
        }
    }

    @Test(arguments: [
        ClientDirectory.Client.Name.uri("spiffe://acme.example/gateway/mcp"), .dns("gw.acme.example"),
        .subject("CN=gateway\\, one,O=Acme"),
    ])
    func eachKindOfNameIsEnough(_ name: ClientDirectory.Client.Name) throws {
        #expect(try client(name).get().client == "client-0")
        #expect(try client(name).get().thumbprint == peer().thumbprint)
    }

    @Test(arguments: [
        ClientDirectory.Client.Name.uri("spiffe://acme.example/gateway"), .uri("gw.acme.example"),
        .dns("spiffe://acme.example/gateway/mcp"), .dns("GW.acme.example"), .dns("*.acme.example"),
        .dns("acme.example"), .subject("CN=gateway, one,O=Acme"), .subject("O=Acme,CN=gateway\\, one"), .subject(""),
    ])
    func aNameThatIsNotTheSameByteForByteIsNone(_ name: ClientDirectory.Client.Name) throws {
        #expect(throws: ExchangeRefusal.self) { try client(name).get() }
    }

    @Test func aCertificateThatNamesTwoClientsNamesNone() throws {
        let both = try client(.uri("spiffe://acme.example/gateway/mcp"), .dns("gw.acme.example"))
        guard case .failure(let refusal) = both else { throw ExchangeRefusal.client("was granted") }
        #expect(refusal.reason.contains("several clients"))
    }
}
