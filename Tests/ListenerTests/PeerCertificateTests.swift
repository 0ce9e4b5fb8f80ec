import Crypto
import Foundation
import StrictEncoding
import SwiftASN1
import Testing
import X509

@testable import VaultAppliance

@Suite struct PeerCertificateTests {
    private func read(_ change: (inout TestAuthority.Request) -> Void) throws -> PeerCertificate {
        var request = TestAuthority.Request()
        change(&request)
        return try PeerCertificate(der: try TestAuthority().issue(request).der)
    }

    /// A subject alternative name extension of raw names: a tag number and the bytes behind it.
    private func alternativeName(_ names: [(tag: UInt8, bytes: [UInt8])]) -> [UInt8] {
        let content = names.flatMap { [0x80 | $0.tag, UInt8($0.bytes.count)] + $0.bytes }
        return [0x30, UInt8(content.count)] + content
    }

    @Test func namesAreTakenByKindAndInOrder() throws {
        let certificate = try read {
            $0.names = [
                .uniformResourceIdentifier("spiffe://a/1"), .dnsName("a.example"),
                .uniformResourceIdentifier("spiffe://a/2"), .rfc822Name("spiffe://a/3"),
            ]
        }
        #expect(certificate.uris == ["spiffe://a/1", "spiffe://a/2"])
        #expect(certificate.dnsNames == ["a.example"])
    }

    @Test(
        "a name that is not visible ASCII is as if it were not there",
        arguments: [
            Array("spiffe://good\0.evil".utf8), Array("spiffe://good\n".utf8), Array("spiffe://a b".utf8),
            Array("spiffe://\u{7F}".utf8), [], [UInt8](repeating: UInt8(ascii: "a"), count: 0),
        ])
    func anOddName(_ name: [UInt8]) throws {
        let certificate = try read {
            $0.rawAlternativeName = alternativeName([(6, name), (2, name), (6, Array("spiffe://good".utf8))])
        }
        #expect(certificate.uris == ["spiffe://good"])
        #expect(certificate.dnsNames == [])
    }

    @Test(
        "an extension that cannot be read, or one name that is not IA5, names nobody",
        arguments: [Array("spiffe://gööd".utf8), [0xFF], [0xE2, 0x84, 0xAA]])
    func aNameOutsideIA5(_ name: [UInt8]) throws {
        let certificate = try read {
            $0.rawAlternativeName = alternativeName([(6, Array("spiffe://good".utf8)), (6, name)])
        }
        #expect(certificate.uris == [])
        #expect(try read { $0.rawAlternativeName = [0x30, 0x05, 0x86] }.uris == [])
    }

    @Test func tooManyNamesOrTooLongOnesDoNotCount() throws {
        let many = (0...PeerCertificate.maximumNames).map { GeneralName.uniformResourceIdentifier("spiffe://a/\($0)") }
        #expect(try read { $0.names = many }.uris == [])
        #expect(try read { $0.names = many.dropLast() }.uris.count == PeerCertificate.maximumNames)
        let long = String(repeating: "a", count: PeerCertificate.maximumNameBytes + 1)
        #expect(try read { $0.names = [.dnsName(long), .dnsName("a.example")] }.dnsNames == ["a.example"])
    }

    @Test func thumbprintsAreThoseOfOpenSSL() async throws {
        let credential = try TestAuthority().issue(TestAuthority.Request())
        let certificate = try PeerCertificate(der: try credential.der)
        let printed = try await OpenSSL.run(["x509", "-noout", "-fingerprint", "-sha256"], input: try credential.pem)
        let hex = printed.split(separator: "=").last.map { $0.filter(\.isHexDigit).lowercased() }
        #expect(certificate.fingerprint == hex)
        #expect(Base64URL.decode(certificate.thumbprint).map { Hexadecimal.string($0) } == certificate.fingerprint)
    }

    @Test func validityIncludesBothEnds() throws {
        let certificate = try read {
            $0.notBefore = Date(timeIntervalSince1970: 1_000)
            $0.notAfter = Date(timeIntervalSince1970: 2_000)
        }
        let valid = [999, 1_000, 2_000, 2_001].map { certificate.isValid(at: UnixTime(seconds: $0)) }
        #expect(valid == [false, true, true, false])
        #expect(certificate.isValid(at: UnixTime(milliseconds: 2_000_999)))
    }

    @Test func bytesThatAreNoCertificateAreRefused() {
        #expect(throws: ListenerError(.malformedCertificate, "")) { try PeerCertificate(der: [0x30, 0x00]) }
        #expect(throws: ListenerError(.malformedCertificate, "")) { try PeerCertificate(der: []) }
    }
}
