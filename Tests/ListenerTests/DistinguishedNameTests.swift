import SwiftASN1
import Testing
import X509

@testable import VaultAppliance

/// Most names are the examples of RFC 4514 section 4.
@Suite struct DistinguishedNameTests {
    private typealias Attribute = RelativeDistinguishedName.Attribute

    private static let uid: ASN1ObjectIdentifier = [0, 9, 2342, 19_200_300, 100, 1, 1]

    private func name(_ relatives: [[(ASN1ObjectIdentifier, String)]]) -> DistinguishedName {
        DistinguishedName(
            relatives.map { relative in
                RelativeDistinguishedName(relative.map { Attribute(type: $0.0, utf8String: $0.1) })
            })
    }

    @Test func theLastRelativeNameComesFirst() {
        let name = name([
            [(.RDNAttributeType.domainComponent, "net")], [(.RDNAttributeType.domainComponent, "example")],
            [(Self.uid, "jsmith")],
        ])
        #expect(name.rfc4514 == "UID=jsmith,DC=example,DC=net")
    }

    /// The RFC prints the organizational unit first; DER sorts a set, and the order within it carries no meaning.
    @Test func severalValuesAreJoinedWithPlus() {
        let name = name([
            [(.RDNAttributeType.domainComponent, "net")], [(.RDNAttributeType.domainComponent, "example")],
            [(.RDNAttributeType.organizationalUnitName, "Sales"), (.RDNAttributeType.commonName, "J.  Smith")],
        ])
        #expect(
            name.rfc4514 == "OU=Sales+CN=J.  Smith,DC=example,DC=net"
                || name.rfc4514 == "CN=J.  Smith+OU=Sales,DC=example,DC=net")
    }

    @Test(
        "special characters are escaped",
        arguments: [
            ("James \"Jim\" Smith, III", "CN=James \\\"Jim\\\" Smith\\, III"), ("#1", "CN=\\#1"), ("a#", "CN=a#"),
            (" a ", "CN=\\ a\\ "), (" ", "CN=\\ "), ("a+b;c<d>e\\f", "CN=a\\+b\\;c\\<d\\>e\\\\f"), ("a=b", "CN=a=b"),
            // A value that looks like two attributes stays one.
            ("x,O=acme", "CN=x\\,O=acme"),
        ])
    func escaping(_ value: String, _ expected: String) {
        #expect(name([[(.RDNAttributeType.commonName, value)]]).rfc4514 == expected)
    }

    @Test func typesOutsideTheTableAreNumbersAndHex() throws {
        let odd = Attribute(
            type: [1, 3, 6, 1, 4, 1, 1466, 0], value: try ASN1Any(erasing: ASN1OctetString(contentBytes: [0x48, 0x69])))
        #expect(DistinguishedName([RelativeDistinguishedName(odd)]).rfc4514 == "1.3.6.1.4.1.1466.0=#04024869")
    }

    /// A string type that is not read as text must not come out as text.
    @Test func valuesOfOtherStringTypesAreHex() throws {
        let value = try ASN1Any(erasing: ASN1TeletexString(contentBytes: Array("a".utf8)[...]))
        let odd = Attribute(type: .RDNAttributeType.commonName, value: value)
        #expect(DistinguishedName([RelativeDistinguishedName(odd)]).rfc4514 == "2.5.4.3=#140161")
    }

    @Test("a name with other characters is no name", arguments: ["Lučić", "a\0b", "a\rb", "\u{212A}"])
    func characters(_ value: String) {
        #expect(name([[(.RDNAttributeType.commonName, value)]]).rfc4514 == nil)
    }

    @Test func anEmptyNameIsNoName() {
        #expect(DistinguishedName().rfc4514 == nil)
    }
}
