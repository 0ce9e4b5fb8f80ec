import Crypto
import Foundation
import HSMBridge
import SwiftASN1
import X509

/// A listener's key as swift-certificates sees it: the private half stays in the token, so signing is asynchronous.
struct ListenerKey: CustomPrivateKey {
    private let key: TLSKey
    let publicKey: Certificate.PublicKey

    init(_ key: TLSKey) throws {
        self.key = key
        guard case .ec(let x, let y) = key.reference.publicKey else { throw HSMKeyError.otherAlgorithm }
        let point = try P256.Signing.PublicKey(x963Representation: [4] + x + y)
        publicKey = Certificate.PublicKey(point)
    }

    var defaultSignatureAlgorithm: Certificate.SignatureAlgorithm { .ecdsaWithSHA256 }
    var supportedSignatureAlgorithms: [Certificate.SignatureAlgorithm] { [.ecdsaWithSHA256] }

    static func == (left: ListenerKey, right: ListenerKey) -> Bool { left.publicKey == right.publicKey }
    func hash(into hasher: inout Hasher) { hasher.combine(publicKey) }

    func signSynchronously(
        bytes: some DataProtocol, signatureAlgorithm: Certificate.SignatureAlgorithm
    ) throws -> Certificate.Signature {
        throw HSMKeyError.signsAsynchronously
    }

    func signAsynchronously(
        bytes: some DataProtocol & Sendable, signatureAlgorithm: Certificate.SignatureAlgorithm
    ) async throws -> Certificate.Signature {
        guard signatureAlgorithm == .ecdsaWithSHA256 else { throw HSMKeyError.otherAlgorithm }
        let der = try await key.sign(Array(bytes), deadline: .now + .seconds(3))
        return try Certificate.Signature(signatureAlgorithm: .ecdsaWithSHA256, signatureBytes: .init(bytes: der[...]))
    }

    func serialize(into coder: inout DER.Serializer) throws { throw HSMKeyError.neverLeavesItsToken }

    static var defaultPEMDiscriminator: String { "PRIVATE KEY" }

    /// What a key of the token cannot do.
    private enum HSMKeyError: Error {
        case signsAsynchronously, otherAlgorithm, neverLeavesItsToken
    }
}
