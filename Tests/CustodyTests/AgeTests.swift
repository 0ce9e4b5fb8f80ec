import Custody
import Foundation
import Testing

@Suite struct AgeTests {
    private static func secret(_ count: Int) throws -> LockedBytes { try LockedBytes.random(count: count) }

    @Test(arguments: [0, 1, 85, 65_535, 65_536, 65_537, 131_072, 200_000])
    func whatWeEncryptAgeOpens(count: Int) throws {
        let directory = try TemporaryDirectory()
        let made = try Program.run(["age-keygen"])
        let identity = try AgeIdentity(file: LockedBytes(copying: made.output))
        let path = try directory.write(made.output, to: "identity")
        let secret = try AgeTests.secret(count)
        for isArmored in [true, false] {
            let file = try AgeFile.encrypt(
                secret, to: [try AgeIdentity().recipient, identity.recipient], isArmored: isArmored)
            let opened = try Program.run(["age", "-d", "-i", path], input: file)
            #expect(opened.status == 0, "\(opened.errors)")
            #expect(opened.output == secret.exposed)
        }
    }

    @Test(arguments: [[], ["-a"]]) func whatAgeEncryptsWeOpen(options: [String]) throws {
        let identity = try AgeIdentity()
        for count in [0, 1, 85, 65_536, 150_000] {
            let secret = try AgeTests.secret(count)
            let made = try Program.run(
                ["age", "-r", identity.recipient.description] + options, input: secret.exposed)
            try #require(made.status == 0, "\(made.errors)")
            #expect(try AgeFile.decrypt(made.output, with: identity).exposed == secret.exposed)
        }
    }

    @Test func anIdentityOfOursIsOneForAge() throws {
        let directory = try TemporaryDirectory()
        let identity = try AgeIdentity()
        let path = try directory.write(try identity.fileContents().exposed, to: "identity")
        let shown = try Program.run(["age-keygen", "-y", path])
        #expect(String(decoding: shown.output, as: UTF8.self) == "\(identity.recipient)\n")
        #expect(try AgeIdentity(file: identity.fileContents()).recipient == identity.recipient)
        #expect("\(identity)" == "<redacted>")
    }

    @Test func everyChangedByteIsRefused() throws {
        let identity = try AgeIdentity()
        let file = try AgeFile.encrypt(try AgeTests.secret(40), to: [identity.recipient], isArmored: false)
        for index in file.indices {
            var changed = file
            changed[index] ^= 1
            #expect(throws: CustodyError.self, "byte \(index)") { try AgeFile.decrypt(changed, with: identity) }
        }
        for length in 0..<file.count {
            #expect(throws: CustodyError.self) { try AgeFile.decrypt(Array(file[..<length]), with: identity) }
        }
        #expect(throws: CustodyError.self) { try AgeFile.decrypt(file + [0], with: identity) }
    }

    @Test func aFileForAnotherIsNamedAsSuch() throws {
        let file = try AgeFile.encrypt(try AgeTests.secret(40), to: [try AgeIdentity().recipient])
        #expect(throws: CustodyError(.notOpened, "")) { try AgeFile.decrypt(file, with: try AgeIdentity()) }
    }

    @Test(arguments: [
        "", "age1", "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
        "AGE1QL3Z7HJY54PW3HYWW5AYYFG7ZQGVC7W3J2ELW8ZMRJ2KG5SFN9AQMCAC8P",
        "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q", "ssh-ed25519 AAAA",
    ]) func textsThatAreNoRecipientAreRefused(text: String) {
        #expect(throws: CustodyError.self) { try AgeRecipient(text) }
    }
}
