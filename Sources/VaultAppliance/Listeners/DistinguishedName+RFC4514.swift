import StrictEncoding
import SwiftASN1
import X509

extension DistinguishedName {
    /// The one string RFC 4514 gives this name; nil when it is empty, too long or not all printable ASCII.
    ///
    /// Used for `tls_client_auth_subject_dn` (RFC 8705 section 2.1.2), compared byte by byte. Written here rather than
    /// taken from `description`, which names attributes outside the RFC's table and prints values of other string types
    /// in a form that another value could imitate.
    var rfc4514: String? {
        guard !isEmpty else { return nil }
        var text: [UInt8] = []
        // RFC 4514 section 2.1: the last relative name first.
        for (index, relative) in reversed().enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            for (position, attribute) in relative.enumerated() {
                if position > 0 { text.append(UInt8(ascii: "+")) }
                attribute.appendRFC4514(to: &text)
            }
        }
        guard text.count <= PeerCertificate.maximumNameBytes, text.allSatisfy({ 0x20...0x7E ~= $0 }) else { return nil }
        return String(decoding: text, as: UTF8.self)
    }
}

extension RelativeDistinguishedName.Attribute {
    /// The short names of RFC 4514 section 3; every other type is written as numbers.
    private static let shortNames: [ASN1ObjectIdentifier: String] = [
        .RDNAttributeType.commonName: "CN",
        .RDNAttributeType.localityName: "L",
        .RDNAttributeType.stateOrProvinceName: "ST",
        .RDNAttributeType.organizationName: "O",
        .RDNAttributeType.organizationalUnitName: "OU",
        .RDNAttributeType.countryName: "C",
        .RDNAttributeType.streetAddress: "STREET",
        .RDNAttributeType.domainComponent: "DC",
        [0, 9, 2342, 19_200_300, 100, 1, 1]: "UID",
    ]

    fileprivate func appendRFC4514(to text: inout [UInt8]) {
        guard let name = Self.shortNames[type], let value = String(value) else {
            // RFC 4514 section 2.4: without a string form, '#' and the BER in hex.
            text.append(contentsOf: "\(type)=#\(Hexadecimal.string(encodedValue))".utf8)
            return
        }
        text.append(contentsOf: "\(name)=".utf8)
        Self.appendEscaped(Array(value.utf8), to: &text)
    }

    private var encodedValue: [UInt8] {
        var serializer = DER.Serializer()
        do {
            try serializer.serialize(ASN1Any(value))
        } catch {
            return []
        }
        return serializer.serializedBytes
    }

    /// Escapes what RFC 4514 section 2.4 says must be; a NUL stays, and the caller refuses it.
    private static func appendEscaped(_ value: [UInt8], to text: inout [UInt8]) {
        let special = Array("\"+,;<>\\".utf8)
        for (index, byte) in value.enumerated() {
            let space = byte == UInt8(ascii: " ") && (index == 0 || index == value.count - 1)
            let hash = byte == UInt8(ascii: "#") && index == 0
            if space || hash || special.contains(byte) { text.append(UInt8(ascii: "\\")) }
            text.append(byte)
        }
    }
}
