import Crypto
import CryptoExtras
import Foundation
import Testing
import VaultTesting

@testable import HSMBridge

/// Opens a token no other test has, straight or behind the fault module, and shuts it down afterwards.
enum Harness {
    /// What every signature is over, unless a test has its own.
    static let message = Array("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9".utf8)

    /// For tests of calls that hang: far longer than a busy machine holds up one that does not.
    static let shortHangLimit = Duration.seconds(6)

    static func configuration(
        lanes: Int = 2, queue: Int = 1024, hangLimit: Duration = .seconds(30)
    ) -> HSM.Configuration {
        var configuration = HSM.Configuration()
        configuration.lanes = lanes
        configuration.queue = queue
        configuration.hangLimit = hangLimit
        configuration.jitter = { 0.5 }
        // Tests count calls: none may come by itself.
        configuration.heartbeat = .seconds(3600)
        return configuration
    }

    static func withHSM(
        _ configuration: HSM.Configuration = configuration(),
        _ body: (HSM, SoftHSMDirectory.Token) async throws -> Void
    ) async throws {
        let fixture = try SoftHSMFixture.shared()
        let token = try fixture.takeToken()
        let hsm = try await fixture.open(token, configuration: configuration)
        try await finish(hsm) { try await body(hsm, token) }
    }

    /// Behind the fault module, which tells at the end whether a session was left open.
    static func withFaultyHSM(
        _ configuration: HSM.Configuration = configuration(), _ body: (HSM, TokenFaults) async throws -> Void
    ) async throws {
        let module = try FaultModule.shared()
        let faults = try module.takeToken()
        let hsm = try await module.open(faults, configuration: configuration)
        try await finish(hsm) { try await body(hsm, faults) }
        #expect(try faults.openSessions() == 0)
    }

    /// Opens a token that the test knows already.
    static func withHSM(on token: SoftHSMDirectory.Token, _ body: (HSM) async throws -> Void) async throws {
        try await withHSM(
            module: SoftHSMFixture.shared().modulePath, uri: token.uri, pinFile: token.pinFile, body)
    }

    /// Opens any token.
    static func withHSM(
        module: String, uri: String, pinFile: String, _ body: (HSM) async throws -> Void
    ) async throws {
        let hsm = try await HSM.open(
            modulePath: module, token: TokenURI(uri), pin: PIN(file: pinFile), configuration: configuration())
        try await finish(hsm) { try await body(hsm) }
    }

    /// A signing key made for the test.
    static func signingKey(_ hsm: HSM, _ algorithm: KeyAlgorithm = .es256) async throws -> SigningKey {
        let made = try await hsm.generate(.init(label: "key", algorithm: algorithm, purpose: .signing))
        return try await hsm.signingKey(made.reference)
    }

    /// Waits for what the watch does in its own time; the limit only bounds a broken run.
    static func until(
        _ condition: () throws -> Bool, otherwise say: () -> String = { "" },
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        for _ in 0..<6000 {
            if try condition() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("it did not come to pass \(say())", sourceLocation: location)
    }

    private static func finish(_ hsm: HSM, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            _ = await hsm.shutdown()
            throw error
        }
        #expect(await hsm.shutdown())
    }

    /// The code of the error that `body` throws; nil when it throws none.
    static func code(_ body: () async throws -> Void) async -> HSMError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? HSMError)?.code
        }
    }

    /// SubjectPublicKeyInfo (RFC 5480, RFC 8410) in PEM, put together from the raw numbers.
    static func pem(_ reference: KeyReference) throws -> String {
        let der: [UInt8]
        switch (reference.algorithm, reference.publicKey) {
        case (.es256, .ec(let x, let y)):
            der =
                [
                    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
                    0x86,
                    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
                ] + x + y
        case (.es384, .ec(let x, let y)):
            der =
                [
                    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
                    0x81,
                    0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04,
                ] + x + y
        case (.edDSA, .ed25519(let key)):
            der = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00] + key
        case (_, .rsa(let modulus, let exponent)):
            return try _RSA.Signing.PublicKey(n: modulus, e: exponent).pemRepresentation
        default: throw HSMError(.keyMismatch)
        }
        let text = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN PUBLIC KEY-----\n\(text)\n-----END PUBLIC KEY-----\n"
    }

    /// Runs a program; what it printed, on both outputs.
    static func run(
        _ arguments: [String], environment: [String: String] = [:]
    ) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// A directory of the test's own, removed afterwards.
    static func withDirectory(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "/hsm-bridge-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }
}
