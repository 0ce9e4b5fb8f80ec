import Crypto
import CryptoExtras
import Foundation
import Minting
import StrictEncoding
import Testing

/// The private keys of RFC 7515 appendix A and RFC 8037 appendix A: known to all, and so good for tests alone.
enum TestKey: String, CaseIterable, Sendable {
    case es256, rs256, ps256, edDSA

    var algorithm: JWSAlgorithm {
        switch self {
        case .es256: .es256
        case .rs256: .rs256
        case .ps256: .ps256
        case .edDSA: .edDSA
        }
    }

    var material: PublicJWK.Material {
        switch self {
        case .es256: .p256(x: bytes(RFCVectors.es256X), y: bytes(RFCVectors.es256Y))
        case .rs256, .ps256: .rsa(n: bytes(RFCVectors.rs256Modulus), e: [1, 0, 1])
        case .edDSA: .ed25519(x: bytes(RFCVectors.ed25519X))
        }
    }

    func jwk(kid: String? = nil) throws -> PublicJWK {
        try PublicJWK(material, algorithm: algorithm, kid: kid ?? rawValue)
    }

    func sign(_ input: [UInt8]) throws -> [UInt8] {
        switch self {
        case .es256:
            let key = try P256.Signing.PrivateKey(rawRepresentation: bytes(RFCVectors.es256D))
            return Array(try key.signature(for: input).rawRepresentation)
        case .rs256: return Array(try rsa().signature(for: input, padding: .insecurePKCS1v1_5).rawRepresentation)
        case .ps256: return Array(try rsa().signature(for: input, padding: .PSS).rawRepresentation)
        case .edDSA:
            return Array(
                try Curve25519.Signing.PrivateKey(rawRepresentation: bytes(RFCVectors.ed25519D)).signature(for: input))
        }
    }

    private func rsa() throws -> _RSA.Signing.PrivateKey {
        try _RSA.Signing.PrivateKey(
            n: bytes(RFCVectors.rs256Modulus), e: [1, 0, 1] as [UInt8], d: bytes(RFCVectors.rs256PrivateExponent),
            p: bytes(RFCVectors.rs256P), q: bytes(RFCVectors.rs256Q))
    }

    /// A token of exactly these two texts, whatever they are.
    func token(header: String, claims: String) throws -> [UInt8] {
        let input =
            Base64URL.encode(Array(header.utf8)) + [UInt8(ascii: ".")] + Base64URL.encode(Array(claims.utf8))
        return input + [UInt8(ascii: ".")] + Base64URL.encode(try sign(input))
    }

    /// A token with this key's usual header.
    func token(_ claims: ClaimsText, type: String? = "JWT") throws -> [UInt8] {
        let type = type.map { #","typ":"\#($0)""# } ?? ""
        return try token(
            header: #"{"alg":"\#(algorithm.rawValue)","kid":"\#(rawValue)"\#(type)}"#, claims: claims.text)
    }
}

/// The bytes that a base64url text stands for.
func bytes(_ base64URL: String) -> [UInt8] { Base64URL.decode(base64URL) ?? [] }

/// A claims set as raw JSON text, so that tests can write what no writer of ours would.
struct ClaimsText: Sendable {
    private var members: [(name: String, json: String)] = [
        ("iss", #""https://idp.acme.example""#), ("sub", #""alice""#), ("aud", #""https://vault.acme.example""#),
        ("iat", "\(Corp.now.seconds)"), ("nbf", "\(Corp.now.seconds)"), ("exp", "\(Corp.now.seconds + 300)"),
        ("jti", #""token-1""#), ("groups", #"["sales"]"#),
    ]

    /// The claims of a good token, with some changed, added, or, with nil, left out.
    init(_ changes: KeyValuePairs<String, String?> = [:]) {
        for (name, json) in changes {
            let index = members.firstIndex { $0.name == name }
            if let index, let json {
                members[index].json = json
            } else if let index {
                members.remove(at: index)
            } else if let json {
                members.append((name, json))
            }
        }
    }

    var text: String { "{" + members.map { "\"\($0.name)\":\($0.json)" }.joined(separator: ",") + "}" }
}

/// The issuer that tests trust, and what verifies its tokens.
enum Corp {
    static let now = UnixTime(seconds: 1_764_000_000)
    static let issuer = "https://idp.acme.example"

    static func keys(_ keys: [TestKey] = [.es256, .rs256, .edDSA]) throws -> JSONWebKeySet {
        try JSONWebKeySet(keys.map { try $0.jwk() })
    }

    static func configured(
        name: String = "corp", issuer: String = issuer, roles: Set<Issuer.Role> = [.subject, .actor],
        keys: JSONWebKeySet? = nil, maximumAge: Int64? = nil, clockSkew: Int64 = 30, prefix: String? = nil,
        claims: Issuer.ClaimNames = .init(groups: "groups", user: "act_for")
    ) throws -> Issuer {
        try Issuer(
            name: name, issuer: issuer, roles: roles,
            audiences: ["https://vault.acme.example", "https://vault.acme.example/oauth2/token"],
            algorithms: [.es256, .rs256, .edDSA], keys: keys ?? Corp.keys(), maximumAge: maximumAge,
            clockSkew: clockSkew, subjectPrefix: prefix, claims: claims)
    }

    static func verifier(
        _ issuer: Issuer? = nil, cache: VerificationCache = VerificationCache()
    ) throws -> InboundTokenVerifier {
        InboundTokenVerifier(issuers: try IssuerSet([try issuer ?? configured()]), cache: cache)
    }
}

extension InboundTokenVerifier {
    /// Why a token is rejected; nil when it is not.
    func rejection(
        of token: [UInt8], role: Issuer.Role = .subject, now: UnixTime = Corp.now
    ) -> TokenRejection.Code? {
        do {
            _ = try verify(token, role: role, now: now)
            return nil
        } catch {
            return error.code
        }
    }
}
