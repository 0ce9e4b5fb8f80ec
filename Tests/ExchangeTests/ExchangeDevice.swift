import Foundation
import VaultTesting

/// The token an exchange runs on, and what of the configuration it has no algorithm for.
struct ExchangeDevice {
    let module: String
    let uri: String
    let pinFile: String
    /// Labels of keys and names of their targets and rules that the token cannot have.
    private let absent: [String]
    private let hasEdDSA: Bool

    /// A SoftHSM token of its own; `second` reaches it through a second library.
    static func softHSM(second: Bool = false) throws -> ExchangeDevice {
        let fixture = try SoftHSMFixture.shared()
        let token = try fixture.takeToken()
        return ExchangeDevice(
            module: second ? fixture.secondModulePath : fixture.modulePath, uri: token.uri, pinFile: token.pinFile,
            absent: [], hasEdDSA: true)
    }

    /// The software TPM: no PSS and no EdDSA, so the checkpoint key is ECDSA.
    static func softwareTPM(_ fixture: SoftwareTPMFixture) -> ExchangeDevice {
        ExchangeDevice(
            module: fixture.modulePath, uri: fixture.uri, pinFile: fixture.pinFile, absent: ["ps256", "eddsa"],
            hasEdDSA: false)
    }

    /// A configuration or policy without the lines that name what the token cannot have.
    func adapted(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).filter { line in
            !absent.contains { line.contains("{label: \($0),") || line.contains("api-\($0)") }
        }
        let kept = lines.joined(separator: "\n")
        return hasEdDSA
            ? kept : kept.replacing("purpose: checkpoint, alg: EdDSA", with: "purpose: checkpoint, alg: ES256")
    }
}
