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

    /// A listener's key as its certificate and the core know it.
    package struct ListenerKey: Sendable, Equatable {
        package let kid: String
        /// The public point, x || y, 64 bytes.
        package let point: [UInt8]
        /// Serial number of the token that holds it.
        package let token: String
    }

    /// The active keys of one label, one in each token.
    private struct Route {
        /// Those that can be expected to sign now.
        var available: [ActiveKey] = []
        /// The others: the core may know less than the token.
        var others: [ActiveKey] = []
    }

    private struct Keys {
        var routes: [String: Route] = [:]
        var published: [JSONValue] = []
        /// The key set as it is served; made once a change, not once a request.
        var document = StaticDocument(json: Array(#"{"keys":[]}"#.utf8))
        /// The same keys, ready to verify our own tokens with.
        var verification: JSONWebKeySet?
        var listeners: [String: [ListenerKey]] = [:]
        var unavailable: Set<String> = []
        var isSealed = false
        /// Keys that failed since the core last told of its health.
        var suspects: Set<String> = []
        /// Counts requests, so that they go round the tokens.
        var turn = 0
    }

    /// Our own issuer, whose tokens the keys sign.
    let issuer: String
    private let keys = Mutex(Keys())

    /// An empty directory for tokens of `issuer`.
    package init(issuer: String) { self.issuer = issuer }

    /// Takes over what the core says of its keys.
    package func update(_ description: CoreDescription) {
        var next = Keys()
        next.isSealed = description.isSealed
        for key in description.keys {
            switch key.purpose {
            case "signing":
                if ["prepublished", "active", "retiring"].contains(key.state) { next.published.append(key.publicJWK) }
                if !key.isAvailable { next.unavailable.insert(key.kid) }
                guard key.state == "active", let algorithm = JWSAlgorithm(rawValue: key.algorithm),
                    let maximumLifetime = key.maximumLifetime
                else { continue }
                let active = ActiveKey(
                    kid: key.kid, algorithm: algorithm, maximumLifetime: maximumLifetime, issuer: issuer)
                if key.isAvailable {
                    next.routes[key.label, default: Route()].available.append(active)
                } else {
                    next.routes[key.label, default: Route()].others.append(active)
                }
            case "tls":
                guard key.state == "active", let x = key.jwk["x"]?.string.flatMap(Base64URL.decode),
                    let y = key.jwk["y"]?.string.flatMap(Base64URL.decode)
                else { continue }
                if !key.isAvailable { next.unavailable.insert(key.kid) }
                next.listeners[key.label, default: []].append(
                    ListenerKey(kid: key.kid, point: x + y, token: key.token))
            default: continue
            }
        }
        let (document, verification) = keys.withLock { ($0.document, $0.verification) }
        let bytes = JSONWriter.compact(["keys": .array(next.published)])
        // The core is asked every second, and its keys change a few times a year.
        let isUnchanged = document.body == bytes
        next.document = isUnchanged ? document : StaticDocument(json: bytes)
        next.verification = isUnchanged ? verification : try? JSONWebKeySet(parsing: bytes)
        keys.withLock { keys in
            next.turn = keys.turn
            keys = next
        }
    }

    /// The active keys of a label in the order they are to be tried.
    ///
    /// First those whose tokens are well, in turn; then those that failed a moment ago; then the rest.
    func route(label: String) -> [ActiveKey] {
        keys.withLock { keys in
            guard let route = keys.routes[label] else { return [] }
            let (suspects, well) = route.available.partitioned { keys.suspects.contains($0.kid) }
            keys.turn = (keys.turn + 1) % 1_000_000
            return well.rotated(by: keys.turn) + suspects + route.others
        }
    }

    /// Whether some token holds an active key with this label.
    func hasActiveKey(label: String) -> Bool { keys.withLock { $0.routes[label] != nil } }

    /// The algorithms of the active keys, or of those with some labels alone.
    func algorithms(labels: Set<String>? = nil) -> [JWSAlgorithm] {
        let found = keys.withLock { keys in
            Set(
                keys.routes.filter { labels?.contains($0.key) ?? true }.values.flatMap { $0.available + $0.others }
                    .map(\.algorithm))
        }
        return JWSAlgorithm.allCases.filter(found.contains)
    }

    /// A key has failed: others are preferred until the core tells again how its tokens are.
    func suspect(kid: String) { keys.withLock { _ = $0.suspects.insert(kid) } }

    /// Whether the core holds no PIN, so that no key of any purpose can be used.
    var isSealed: Bool { keys.withLock { $0.isSealed } }

    /// Whether a listener's key can be expected to sign now; one of a token that has left cannot.
    func isAvailable(kid: String) -> Bool {
        keys.withLock { keys in
            !keys.unavailable.contains(kid)
                && keys.listeners.values.contains { $0.contains { $0.kid == kid } }
        }
    }

    /// The listener's P-256 keys of a label, one in each token, the preferred one first.
    package func listenerKeys(label: String) -> [ListenerKey] { keys.withLock { $0.listeners[label] ?? [] } }

    /// The longest life, in seconds, of a token that may be signed now.
    var longestLifetime: Int64 {
        keys.withLock { keys in
            keys.routes.values.flatMap { $0.available + $0.others }.map(\.maximumLifetime).max() ?? 0
        }
    }

    /// The published keys, to verify our own tokens with; nil while there is none.
    var verificationKeys: JSONWebKeySet? { keys.withLock { $0.verification } }

    /// The JWK Set that verifiers fetch (RFC 7517 section 5).
    package var jwks: StaticDocument { keys.withLock { $0.document } }
}

extension Array {
    /// Those that pass and those that do not, each in their order.
    fileprivate func partitioned(_ passes: (Element) -> Bool) -> (passing: [Element], others: [Element]) {
        (filter(passes), filter { !passes($0) })
    }

    /// The same elements, beginning with another one.
    fileprivate func rotated(by count: Int) -> [Element] {
        guard self.count > 1 else { return self }
        let start = count % self.count
        return Array(self[start...] + self[..<start])
    }
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
