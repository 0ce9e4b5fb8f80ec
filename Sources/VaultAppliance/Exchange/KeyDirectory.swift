package import CoreProtocol
import Minting
import StrictEncoding
import Synchronization

/// The core's public keys as the front last heard of them.
package final class KeyDirectory: Sendable {
    /// A key that may sign tokens now.
    struct ActiveKey: Sendable {
        let kid: String
        let algorithm: JWSAlgorithm
        /// Seconds.
        let maximumLifetime: Int64
        let issuer: String
    }

    private struct Keys {
        var active: [String: ActiveKey] = [:]
        var published: [JSONValue] = []
        /// The key set as it is served; made once a change, not once a request.
        var document = StaticDocument(json: Array(#"{"keys":[]}"#.utf8))
        /// The same keys, ready to verify our own tokens with.
        var verification: JSONWebKeySet?
        var coordinates: [String: (x: [UInt8], y: [UInt8])] = [:]
    }

    /// Our own issuer, whose tokens the keys sign.
    let issuer: String
    private let keys = Mutex(Keys())

    /// An empty directory for tokens of `issuer`.
    package init(issuer: String) { self.issuer = issuer }

    /// Takes over what the core says of its keys.
    package func update(_ description: CoreDescription) {
        var next = Keys()
        for key in description.keys {
            switch key.purpose {
            case "signing":
                if ["prepublished", "active", "retiring"].contains(key.state) { next.published.append(key.publicJWK) }
                guard key.state == "active", let algorithm = JWSAlgorithm(rawValue: key.algorithm),
                    let maximumLifetime = key.maximumLifetime
                else { continue }
                next.active[key.label] = ActiveKey(
                    kid: key.kid, algorithm: algorithm, maximumLifetime: maximumLifetime, issuer: issuer)
            case "tls":
                guard let x = key.jwk["x"]?.string.flatMap(Base64URL.decode),
                    let y = key.jwk["y"]?.string.flatMap(Base64URL.decode)
                else { continue }
                next.coordinates[key.label] = (x, y)
            default: continue
            }
        }
        let (document, verification) = keys.withLock { ($0.document, $0.verification) }
        let bytes = JSONWriter.compact(["keys": .array(next.published)])
        // The core is asked every second, and its keys change a few times a year.
        let isUnchanged = document.body == bytes
        next.document = isUnchanged ? document : StaticDocument(json: bytes)
        next.verification = isUnchanged ? verification : try? JSONWebKeySet(parsing: bytes)
        keys.withLock { $0 = next }
    }

    /// The key with this label, if it may sign now.
    func active(label: String) -> ActiveKey? { keys.withLock { $0.active[label] } }

    /// The published keys, to verify our own tokens with; nil while there is none.
    var verificationKeys: JSONWebKeySet? { keys.withLock { $0.verification } }

    /// The public point of a listener's P-256 key.
    package func tlsPoint(label: String) -> (x: [UInt8], y: [UInt8])? { keys.withLock { $0.coordinates[label] } }

    /// The JWK Set that verifiers fetch (RFC 7517 section 5).
    package var jwks: StaticDocument { keys.withLock { $0.document } }
}

extension CoreDescription.Key {
    /// The key as it stands in the JWK Set: with `kid`, `alg` and `use`.
    fileprivate var publicJWK: JSONValue {
        var object = jwk
        object["kid"] = .string(kid)
        object["alg"] = .string(algorithm)
        object["use"] = "sig"
        return .object(object)
    }
}
