import Testing

@testable import HSMBridge

@Suite("Token URIs")
struct TokenURITests {
    @Test func everyAttributeIsRead() throws {
        let uri = try TokenURI(
            "pkcs11:token=my%20token;serial=a1b2;manufacturer=SoftHSM%20project;model=SoftHSM%20v2;object=key;"
                + "id=%01%ff;type=private?module-path=/usr/lib/p11.so&pin-source=file:/etc/pin")
        #expect(uri.token == "my token" && uri.serial == "a1b2" && uri.manufacturer == "SoftHSM project")
        #expect(uri.model == "SoftHSM v2" && uri.object == "key" && uri.id == [1, 0xff] && uri.type == "private")
        #expect(uri.modulePath == "/usr/lib/p11.so" && uri.pinFile == "/etc/pin")
        #expect(
            uri.description == "pkcs11:token=my%20token;serial=a1b2;manufacturer=SoftHSM%20project;model=SoftHSM%20v2")
    }

    @Test func aFileURIWithThreeSlashesIsTheSameFile() throws {
        #expect(try TokenURI("pkcs11:token=a?pin-source=file:///etc/pin").pinFile == "/etc/pin")
    }

    @Test func theEmptyURIIsValidAndNamesNothing() throws {
        // RFC 7512 section 3: "pkcs11:" is the least restrictive URI there is.
        #expect(try TokenURI("pkcs11:").token == nil)
    }

    @Test(
        arguments: [
            ("", .uriMalformed), ("pkcs11", .uriMalformed), ("PKCS11:token=a", .uriMalformed),
            ("pkcs11:token", .uriMalformed), ("pkcs11:=a", .uriMalformed), ("pkcs11:token=", .uriMalformed),
            ("pkcs11:token=a;", .uriMalformed), ("pkcs11:token=a;;serial=b", .uriMalformed),
            ("pkcs11:token=a b", .uriMalformed), ("pkcs11:token=a\u{212a}", .uriMalformed),
            ("pkcs11:token=%4", .uriMalformed), ("pkcs11:token=%zz", .uriMalformed),
            ("pkcs11:token=%e2%84%aa", .uriMalformed),
            ("pkcs11:token=%00", .uriMalformed), ("pkcs11:token=a#b", .uriMalformed), ("pkcs11:Token=a", .uriMalformed),
            ("pkcs11:id=", .uriMalformed), ("pkcs11:type=everything", .uriMalformed),
            ("pkcs11:token=a?module-path=lib.so", .uriMalformed), ("pkcs11:pin-value=1234", .uriMalformed),
            ("pkcs11:token=" + String(repeating: "a", count: 5000), .uriMalformed),
            ("pkcs11:token=a;slot-id=1", .uriAttributeUnknown),
            ("pkcs11:token=a;library-version=3", .uriAttributeUnknown),
            ("pkcs11:token=a;x-vendor=1", .uriAttributeUnknown), ("pkcs11:token=a?module-name=x", .uriAttributeUnknown),
            ("pkcs11:token=a;token=a", .uriAttributeRepeated), ("pkcs11:token=a;token=b", .uriAttributeRepeated),
            ("pkcs11:token=a?pin-source=file:/a&pin-source=file:/b", .uriAttributeRepeated),
            ("pkcs11:token=a?pin-value=1234", .pinInURI), ("pkcs11:token=a?pin-source=|/bin/cat", .pinSourceRefused),
            ("pkcs11:token=a?pin-source=%7C/bin/cat", .pinSourceRefused),
            ("pkcs11:token=a?pin-source=/etc/pin", .pinSourceRefused),
            ("pkcs11:token=a?pin-source=file:pin", .pinSourceRefused),
            ("pkcs11:token=a?pin-source=file://host/pin", .pinSourceRefused),
            ("pkcs11:token=a?pin-source=https://host/pin", .pinSourceRefused),
        ] as [(String, HSMError.Code)])
    func badURIsAreRefusedEachForItsReason(text: String, code: HSMError.Code) {
        #expect(throws: HSMError(code)) { try TokenURI(text) }
    }

    @Test func noErrorShowsThePIN() {
        for text in ["pkcs11:token=a?pin-value=geheim", "pkcs11:pin-value=geheim"] {
            do {
                _ = try TokenURI(text)
                Issue.record("accepted")
            } catch {
                #expect(!"\(error)".contains("geheim"))
            }
        }
    }
}
