import AuditLog
import Crypto
import Synchronization

/// A checkpoint signer with a software key that can be told to fail, to hang or to sign badly.
final class TestSigner: CheckpointSigner {
    enum Behaviour {
        case good, failing, wrong, hanging
    }

    struct Refusal: Error {}

    static let origin = "vault.example/log"

    let verifierKey: VerifierKey
    private let key = Curve25519.Signing.PrivateKey()
    private let behaviour = Mutex(Behaviour.good)
    private let signatures = Mutex(0)

    init(origin: String = TestSigner.origin) throws {
        verifierKey = try VerifierKey(
            name: origin, algorithm: .ed25519, publicKey: Array(key.publicKey.rawRepresentation))
    }

    /// How many signatures were made.
    var count: Int { signatures.withLock { $0 } }

    func behave(_ new: Behaviour) { behaviour.withLock { $0 = new } }

    func sign(_ text: [UInt8]) async throws -> [UInt8] {
        signatures.withLock { $0 += 1 }
        switch behaviour.withLock({ $0 }) {
        case .good: return Array(try key.signature(for: text))
        case .failing: throw Refusal()
        case .wrong: return Array(try key.signature(for: text + [0]))
        case .hanging:
            while behaviour.withLock({ $0 == .hanging }) { try await Task.sleep(for: .milliseconds(1)) }
            return Array(try key.signature(for: text))
        }
    }
}
