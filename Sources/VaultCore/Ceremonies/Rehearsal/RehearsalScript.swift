import Crypto
import CryptoExtras
import Custody
import Foundation
import HSMBridge
import StrictEncoding

/// A plan with the throw-away in the place of everything that it names, and who plays whom.
struct RehearsalScript: Sendable {
    let plan: CeremonyPlan
    /// Who hold the shares of the next epoch, in a custodian change.
    private(set) var successors: [RehearsalStandIn] = []
    /// The key that a provider would have made, in an import.
    private(set) var pem: LockedBytes?

    /// Writes the script; throw-away tokens that the plan adopts are made, and one that it brings is configured.
    init(_ real: CeremonyPlan, on ground: inout RehearsalGround, configuration: CoreSettings) async throws {
        var whole = real
        whole.manifest = .init(ground.manifest)
        whole.rehearsal = .waived
        whole.witnesses = try real.witnesses.map { try RehearsalStandIn($0.name).person(isCustodian: false) }
        func serial(_ name: String) throws(CustodyError) -> String {
            guard let serial = ground.serials[name] else {
                throw CustodyError(.foreign, "the manifest names no token with serial \(name)")
            }
            return serial
        }
        switch real.parameters {
        case .genesis: throw CustodyError(.unsupported, "a genesis is rehearsed without a core")
        case .activate, .drill, .auditVerify: break
        case .changeKeyState(var plan):
            for index in plan.changes.indices {
                guard let kid = ground.kids[plan.changes[index].kid] else {
                    throw CustodyError(
                        .foreign, "changes[\(index)].kid: the manifest names no such key, or it is destroyed")
                }
                plan.changes[index].kid = kid
            }
            whole.parameters = .changeKeyState(plan)
        case .generate(var plan):
            plan.keys = plan.keys.map(RehearsalPlace.playable)
            plan.tokens = try plan.tokens.map(serial)
            whole.parameters = .generate(plan)
        case .importKey(var plan):
            let pem = try RehearsalScript.key(plan.key.algorithm)
            plan.token = try serial(plan.token)
            plan.publicKeySHA256 = try RehearsalScript.hash(of: pem)
            whole.parameters = .importKey(plan)
            self.pem = pem
        case .replicate(var plan):
            let token = try await ground.place.standIn(
                plan.token, number: ground.manifest.tokens.count + 1, child: ground.child)
            ground.configure(token, as: plan.token, in: configuration)
            (plan.token, plan.keys) = (token, plan.keys.map(RehearsalPlace.playable))
            whole.parameters = .replicate(plan)
        case .removeToken(var plan):
            plan.token = try serial(plan.token)
            whole.parameters = .removeToken(plan)
        case .rotateEpoch(var plan):
            successors = try plan.people.custodians.map { try RehearsalStandIn($0.name) }
            plan.people.custodians = successors.map { $0.person(isCustodian: true) }
            plan.people.approvers = try plan.people.approvers.map {
                try RehearsalStandIn($0.name).person(isCustodian: false)
            }
            whole.parameters = .rotateEpoch(plan)
        }
        plan = whole
    }

    /// A private key as a provider hands it out.
    private static func key(_ algorithm: String) throws -> LockedBytes {
        switch algorithm {
        case "RS256", "PS256":
            try LockedBytes(copying: Array(try _RSA.Signing.PrivateKey(keySize: .bits2048).pemRepresentation.utf8))
        case "ES256": try LockedBytes(copying: Array(P256.Signing.PrivateKey().pemRepresentation.utf8))
        case "EdDSA": try LockedBytes(copying: Array(pem(ed25519: Curve25519.Signing.PrivateKey()).utf8))
        default: throw CustodyError(.unsupported, "key.alg: a key for \(algorithm) cannot be imported")
        }
    }

    /// PKCS#8 of an Ed25519 key (RFC 8410 section 7).
    private static func pem(ed25519 key: Curve25519.Signing.PrivateKey) -> String {
        let head: [UInt8] = [
            0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
        ]
        let body = Data(head + Array(key.rawRepresentation)).base64EncodedString()
        return "-----BEGIN PRIVATE KEY-----\n\(body)\n-----END PRIVATE KEY-----\n"
    }

    private static func hash(of pem: LockedBytes) throws -> String {
        guard let info = PublicKey(jwk: try PrivateKeyFile(pem: pem).jwk)?.subjectPublicKeyInfo else {
            throw CustodyError(.malformed, "the rehearsal's own key cannot be read")
        }
        return Hexadecimal.string(SHA256.hash(data: info))
    }
}
