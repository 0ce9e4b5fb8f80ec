import Crypto
import Foundation
import HSMBridge
import NIOCore
import StrictEncoding
import SwiftASN1
import X509

/// A PKCS#10 request for a listener's certificate, signed in the HSM (RFC 2986).
///
/// The core assembles what it signs, so that its TLS keys sign nothing that somebody else has written.
struct CertificateRequest {
    /// Label of the listener's key.
    let key: String
    /// Label or serial number of the token whose key is meant; nil for any.
    let token: String?
    private let dnsNames: [String]
    private let addresses: [String]

    /// Reads the members `key`, `token`, `dns` and `ip` of an admin command.
    init(_ reader: inout ObjectReader) throws(SchemaFault) {
        key = try reader.string("key")
        token = try reader.optionalString("token")
        dnsNames = try reader.strings("dns")
        addresses = try reader.strings("ip")
        guard !dnsNames.isEmpty || !addresses.isEmpty else {
            throw reader.fault("dns", "and ip name nothing: give --dns NAME or --ip ADDRESS")
        }
        guard dnsNames.count + addresses.count <= 32 else { throw reader.fault("dns", "names more than 32 in all") }
        if let index = dnsNames.firstIndex(where: { !Self.isHostName($0) }) {
            throw reader.fault("dns[\(index)]", "is no host name (RFC 1123 section 2.1)")
        }
    }

    /// A name of RFC 1123 section 2.1; its first label may be `*` (RFC 9525 section 6.3).
    private static func isHostName(_ text: String) -> Bool {
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let isWildcard = labels.count > 2 && labels[0].elementsEqual("*".utf8)
        return text.utf8.count <= 253 && labels.dropFirst(isWildcard ? 1 : 0).allSatisfy(isLabel)
    }

    private static func isLabel(_ label: Substring.UTF8View) -> Bool {
        let hyphen = UInt8(ascii: "-")
        return (1...63).contains(label.count) && label.first != hyphen && label.last != hyphen
            && label.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == hyphen
            }
    }

    /// The first name that fits: a common name has at most 64 characters (RFC 5280 appendix A.1, ub-common-name).
    private var subject: DistinguishedName {
        get throws {
            guard let name = (dnsNames + addresses).first(where: { $0.utf8.count <= 64 }) else {
                return DistinguishedName()
            }
            return try DistinguishedName { CommonName(name) }
        }
    }

    /// The request as PEM.
    func sign(with key: KeyRing.TLS) async throws -> String {
        let names = dnsNames.map { GeneralName.dnsName($0) } + (try addresses.map { try Self.address($0) })
        let extensions = try Certificate.Extensions { SubjectAlternativeNames(names) }
        let request = try await CertificateSigningRequest(
            version: .v1, subject: subject,
            asyncPrivateKey: Certificate.PrivateKey(ListenerKey(key.hsm)),
            attributes: .init([.init(ExtensionRequest(extensions: extensions))]), signatureAlgorithm: .ecdsaWithSHA256)
        return try request.serializeAsPEM().pemString
    }

    private static func address(_ text: String) throws -> GeneralName {
        let bytes: [UInt8]
        // An address with a zone ("fe80::1%eth0") would be read without it.
        guard !text.utf8.contains(UInt8(ascii: "%")) else {
            throw SchemaFault(path: "ip", problem: "must hold no zone")
        }
        switch try? SocketAddress(ipAddress: text, port: 0) {
        // Safety: the address is a value of its own; its bytes are copied before the closure returns.
        case .v4(let four): bytes = unsafe withUnsafeBytes(of: four.address.sin_addr) { unsafe Array($0) }
        // Safety: as above.
        case .v6(let six): bytes = unsafe withUnsafeBytes(of: six.address.sin6_addr) { unsafe Array($0) }
        default: throw SchemaFault(path: "ip", problem: "must hold IP addresses")
        }
        return .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
    }
}
