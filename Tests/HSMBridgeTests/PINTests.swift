import Foundation
import Testing

@testable import HSMBridge

@Suite("PINs")
struct PINTests {
    private func bytes(of pin: PIN) -> [UInt8] {
        // Safety: the bytes are copied inside the closure.
        unsafe pin.withBytes { unsafe Array($0) }
    }

    private func write(_ text: String, to path: String, mode: Int = 0o600) {
        let attributes: [FileAttributeKey: Any] = [.posixPermissions: mode]
        #expect(FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: attributes))
    }

    @Test(arguments: [
        ("1234", "1234"), ("1234\n", "1234"), ("1234\n\n", "1234\n"), ("1234\r\n", "1234\r"), (" 1", " 1"),
        (String(repeating: "9", count: 255) + "\n", String(repeating: "9", count: 255)),
    ])
    func aFileGivesItsPINWithoutOneNewline(content: String, pin: String) throws {
        try Harness.withDirectory { directory in
            write(content, to: directory + "/pin")
            let read = try PIN(file: directory + "/pin")
            #expect(bytes(of: read) == Array(pin.utf8))
        }
    }

    @Test(arguments: [
        ("", 0o600), ("\n", 0o600), (String(repeating: "9", count: 256), 0o600),
        (String(repeating: "9", count: 300), 0o600), ("1234", 0o640), ("1234", 0o604), ("1234", 0o620), ("1234", 0o601),
    ])
    func filesThatMayNotHoldAPINAreRefused(content: String, mode: Int) throws {
        try Harness.withDirectory { directory in
            write(content, to: directory + "/pin", mode: mode)
            #expect(throws: HSMError(.pinFileRefused)) { try PIN(file: directory + "/pin") }
        }
    }

    @Test func whatIsNoPlainFileIsRefused() throws {
        try Harness.withDirectory { directory in
            write("1234", to: directory + "/pin")
            try FileManager.default.createSymbolicLink(
                atPath: directory + "/link", withDestinationPath: directory + "/pin")
            #expect(try Harness.run(["mkfifo", "-m", "600", directory + "/pipe"]).status == 0)
            for name in ["link", "pipe", "missing", "."] {
                #expect(throws: HSMError(.pinFileRefused)) { try PIN(file: directory + "/" + name) }
            }
        }
    }

    @Test func anotherOwnersFileIsRefused() throws {
        try Harness.withDirectory { directory in
            write("1234", to: directory + "/pin")
            // Only root can give a file away; anyone else finds root's own files foreign.
            let isRoot = getuid() == 0
            if isRoot {
                try FileManager.default.setAttributes([.ownerAccountID: 12_345], ofItemAtPath: directory + "/pin")
            }
            let foreign = isRoot ? directory + "/pin" : "/etc/hostname"
            #expect(throws: HSMError(.pinFileRefused)) { try PIN(file: foreign) }
        }
    }

    @Test func itPrintsAsRedacted() throws {
        let pin = try PIN(Array("geheim".utf8))
        var dumped = ""
        dump(pin, to: &dumped)
        for text in ["\(pin)", String(reflecting: pin), "\([pin])", dumped] {
            #expect(text.contains("<redacted>") && !text.contains("geheim"))
        }
        #expect(!(pin as Any is any Encodable))
    }

    @Test func emptyAndOverlongPINsAreRefused() {
        #expect(throws: HSMError(.pinFileRefused)) { try PIN([]) }
        #expect(throws: HSMError(.pinLength)) { try PIN([UInt8](repeating: 1, count: 256)) }
    }

    @Test func aRefusedPINIsRememberedForItsTokenAlone() throws {
        let refused = RefusedPINs()
        let pin = try PIN(Array("1234".utf8))
        refused.insert(pin, serial: "a")
        let same = try PIN(Array("1234".utf8))
        let other = try PIN(Array("1235".utf8))
        #expect(refused.contains(same, serial: "a"))
        #expect(!refused.contains(same, serial: "b"))
        #expect(!refused.contains(other, serial: "a"))
    }

    @Test func afterManyRefusedPINsNoneIsTried() throws {
        let refused = RefusedPINs()
        for number in 0..<64 { refused.insert(try PIN(Array("\(number)".utf8)), serial: "a") }
        let new = try PIN(Array("new".utf8))
        #expect(refused.contains(new, serial: "a"))
    }
}
