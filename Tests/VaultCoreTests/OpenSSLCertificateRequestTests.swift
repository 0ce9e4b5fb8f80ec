import Foundation
import Testing
import VaultCore

/// What OpenSSL says of the core's certificate requests.
@Suite(.timeLimit(.minutes(10))) struct OpenSSLCertificateRequestTests {
    @Test func opensslVerifiesTheSignatureAndReadsTheNames() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.serving {
                let pem = try await fixture.certificateRequest(
                    dns: ["vault.example", "localhost"], ip: ["127.0.0.1", "::1"])
                let path = fixture.site.directory + "/request.pem"
                try Data(pem.utf8).write(to: URL(filePath: path))
                let verified = try Command.run(["openssl", "req", "-verify", "-noout", "-in", path])
                #expect(verified.status == 0 && verified.output.contains("verify OK"), "\(verified.output)")
                let text = try Command.run(["openssl", "req", "-noout", "-text", "-in", path]).output
                #expect(
                    text.contains("DNS:vault.example, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1"))
                #expect(text.contains("Subject: CN = vault.example") && text.contains("ASN1 OID: prime256v1"))
                #expect(text.contains("Signature Algorithm: ecdsa-with-SHA256"))
            }
        }
    }
}
