internal import Foundation
internal import HSMBridge

/// A SoftHSM of its own in a directory: configuration, tokens and PIN files, made with softhsm2-util.
///
/// Tokens have to be made before the library is initialised: SoftHSM shows new ones only then.
package struct SoftHSMDirectory: Sendable {
    /// One token and where its secrets are.
    package struct Token: Sendable, Hashable {
        /// CKA_LABEL of the token; unique within the directory.
        package let label: String
        /// The user PIN.
        package let pin: String
        /// The security officer's PIN.
        package let securityOfficerPIN: String
        /// A file that holds the user PIN, for its owner alone.
        package let pinFile: String

        /// RFC 7512 URI of the token.
        package var uri: String { "pkcs11:token=\(label)" }
    }

    /// Why there is no SoftHSM.
    package struct Failure: Error, CustomStringConvertible {
        /// What is missing or went wrong, and what to do.
        package let description: String
    }

    /// Where everything lies.
    package let path: String
    /// The tokens, in the order they were made.
    package let tokens: [Token]

    /// The file that SOFTHSM2_CONF must name.
    package var configurationFile: String { path + "/softhsm2.conf" }

    /// Makes a directory, which must not exist, with tokens of these labels.
    package init(path: String, labels: [String]) throws {
        self.path = path
        try FileManager.default.createDirectory(
            atPath: path + "/tokens", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try SoftHSMDirectory.write(
            SoftHSM.configuration(tokens: path + "/tokens"), to: path + "/softhsm2.conf")
        var tokens: [Token] = []
        for (index, label) in labels.enumerated() {
            let number = index % SoftHSMDirectory.originals
            let token = Token(
                label: label, pin: "user-\(number)-1234", securityOfficerPIN: "officer-\(number)-5678",
                pinFile: "\(path)/\(number).pin")
            if index == number { try SoftHSMDirectory.write(token.pin + "\n", to: token.pinFile) }
            tokens.append(token)
        }
        self.tokens = tokens
        var made: [String] = []
        for (index, token) in tokens.enumerated() {
            if index < SoftHSMDirectory.originals {
                made.append(try initialise(token))
            } else {
                try copy(made[index % SoftHSMDirectory.originals], as: token)
            }
        }
    }

    /// How many tokens softhsm2-util makes; the others are copies, because it takes 60 ms for each.
    ///
    /// Several, so that neighbours have different PINs.
    private static let originals = 4

    /// Where SoftHSM keeps the token with this serial number, in which the directory's name ends.
    package func tokenDirectory(serial: String) throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: path + "/tokens")
        guard let name = names.first(where: { $0.replacing("-", with: "").hasSuffix(serial) }) else {
            throw Failure(description: "no token has the serial number \(serial)")
        }
        return "\(path)/tokens/\(name)"
    }

    /// Where a token's directory is put to take it out of SoftHSM's sight, at once and whole.
    ///
    /// Two tokens whose directories are half there, or one that is listed twice, end every process that looks at that
    /// moment: SoftHSM asserts that serial numbers differ.
    package func away(_ tokenDirectory: String) -> String {
        path + "/away-" + URL(fileURLWithPath: tokenDirectory).lastPathComponent
    }

    /// The SoftHSM library of this machine.
    package static func modulePath() throws -> String {
        guard let found = SoftHSM.installedLibrary else {
            throw Failure(description: "no SoftHSM library in \(SoftHSM.usualPaths): install softhsm2")
        }
        return found
    }

    /// Makes a token and returns its directory; where it is alone, because softhsm2-util looks at all that are there.
    private func initialise(_ token: Token) throws -> String {
        let birthplace = path + "/birthplace"
        let files = FileManager.default
        try files.createDirectory(
            atPath: birthplace + "/tokens", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? files.removeItem(atPath: birthplace) }
        try SoftHSMDirectory.write(
            SoftHSM.configuration(tokens: birthplace + "/tokens"), to: birthplace + "/softhsm2.conf")
        try runUtility(for: token, configurationFile: birthplace + "/softhsm2.conf")
        guard let name = try files.contentsOfDirectory(atPath: birthplace + "/tokens").first else {
            throw Failure(description: "softhsm2-util made no token in \(birthplace)")
        }
        try files.moveItem(atPath: "\(birthplace)/tokens/\(name)", toPath: "\(path)/tokens/\(name)")
        return "\(path)/tokens/\(name)"
    }

    /// Makes an empty token that is another one but for its label and its serial number.
    ///
    /// They stand in `token.object` at fixed places: the first attribute is the label of 32 bytes, the second the serial
    /// number of 16 digits, in which the directory's name ends.
    private func copy(_ original: String, as token: Token) throws {
        let (label, serial) = (32..<64, 88..<104)
        let name = UUID().uuidString.lowercased()
        let digits = name.replacing("-", with: "").utf8.suffix(serial.count)
        let directory = "\(path)/tokens/\(name)"
        try FileManager.default.copyItem(atPath: original, toPath: directory)
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: directory + "/token.object"))
        defer { try? file.close() }
        let padded = token.label + String(repeating: " ", count: label.count - token.label.utf8.count)
        try file.seek(toOffset: UInt64(serial.lowerBound))
        guard let old = try file.read(upToCount: serial.count),
            original.replacing("-", with: "").utf8.suffix(serial.count).elementsEqual(old)
        else { throw Failure(description: "\(original)/token.object is not as SoftHSM 2 writes it") }
        for (place, text) in [(label, padded.utf8[...]), (serial, digits)] {
            try file.seek(toOffset: UInt64(place.lowerBound))
            try file.write(contentsOf: Data(text))
        }
    }

    private func runUtility(for token: Token, configurationFile: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "softhsm2-util", "--init-token", "--free", "--label", token.label, "--pin", token.pin, "--so-pin",
            token.securityOfficerPIN,
        ]
        process.environment = ProcessInfo.processInfo.environment.merging(["SOFTHSM2_CONF": configurationFile]) { $1 }
        process.standardOutput = FileHandle.nullDevice
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let text = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "softhsm2-util (package softhsm2): \(String(decoding: text, as: UTF8.self))")
        }
    }

    private static func write(_ text: String, to path: String) throws {
        let attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
        guard FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: attributes) else {
            throw Failure(description: "cannot write \(path)")
        }
    }
}
