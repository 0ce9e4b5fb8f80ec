package import AuditLog
package import CoreProtocol
import Crypto
package import Custody
import Foundation
package import StrictEncoding

/// A token inside its key's profile, with the entry that says the same; tests change what they want to.
package struct MintDraft: Sendable {
    package var header: JSONObject
    package var claims: JSONObject
    package var bundle: String? = String(repeating: "ab", count: 32)
    package var patience = Duration.seconds(60)
    private let key: ManifestKey

    /// A token of a minute's life with a new identifier.
    package init(key: ManifestKey, now: UnixTime) {
        self.key = key
        header = JSONObject([
            .init(name: "alg", value: .string(key.algorithm)), .init(name: "kid", value: .string(key.kid)),
            .init(name: "typ", value: "at+jwt"),
        ])
        claims = JSONObject([
            .init(name: "iss", value: .string(key.gate?.issuer ?? "")),
            .init(name: "aud", value: "https://api.example"),
            .init(name: "sub", value: "alice"), .init(name: "client_id", value: "gateway"),
            .init(name: "iat", value: .integer(now.seconds)), .init(name: "nbf", value: .integer(now.seconds)),
            .init(name: "exp", value: .integer(now.seconds + 60)),
            .init(name: "jti", value: .string(UUID().uuidString)),
        ])
    }

    /// The token's identifier.
    package var jti: String { claims["jti"]?.string ?? "" }

    /// The JWS signing input (RFC 7515 section 5.1).
    package var input: [UInt8] {
        Base64URL.encode(JSONWriter.compact(.object(header))) + [UInt8(ascii: ".")]
            + Base64URL.encode(JSONWriter.compact(.object(claims)))
    }

    /// What the log will say.
    package var entry: Entry {
        var entry = Entry(kind: .mint)
        entry.bundle = bundle
        entry.jti = jti
        entry.user = .init(iss: "https://idp.example", sub: claims["sub"]?.string ?? "")
        entry.audience = claims["aud"]?.string
        entry.client = claims["client_id"]?.string
        entry.exp = claims["exp"]?.integer
        entry.kid = key.kid
        entry.inputSHA256 = Base64URL.string(Array(SHA256.hash(data: input)))
        return entry
    }

    /// The request for its signature.
    package var request: SignRequest {
        SignRequest(kid: key.kid, entry: entry, input: input, patience: patience)
    }
}
