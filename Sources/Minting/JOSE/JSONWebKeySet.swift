import Crypto
package import StrictEncoding

/// Public keys, each under its own `kid`.
///
/// Source: RFC 7517 section 5.
package struct JSONWebKeySet: Sendable {
    /// The most keys one set may hold.
    package static let maximumKeys = 100
    /// The most bytes one set may have.
    package static let maximumBytes = 262_144

    /// The keys in their order.
    package let keys: [PublicJWK]
    /// How many keys were passed over: of types, for uses or with algorithms that are not wanted here.
    package let ignoredCount: Int
    /// SHA-256 over the names, algorithms and numbers of the keys: equal only for sets that verify the same.
    ///
    /// A digest and not a counter, so that what was remembered under one set can never be taken for another's, however
    /// often sets are loaded.
    package let version: [UInt8]
    private let byKeyID: [String: PublicJWK]

    /// A set of keys; refuses two with one `kid`, and more than `maximumKeys`.
    package init(_ keys: [PublicJWK], ignoredCount: Int = 0) throws(MintingError) {
        guard keys.count <= Self.maximumKeys else {
            throw MintingError(.tooLarge, "a key set may hold at most \(Self.maximumKeys) keys")
        }
        var byKeyID: [String: PublicJWK] = [:]
        for key in keys {
            guard byKeyID.updateValue(key, forKey: key.kid) == nil else {
                throw MintingError(.badKeyID, "key \(key.kid): stands twice in the set")
            }
        }
        self.keys = keys
        self.ignoredCount = ignoredCount
        self.byKeyID = byKeyID
        let sorted = keys.sorted { $0.kid < $1.kid }.map { JSONValue.object($0.json) }
        version = Array(SHA256.hash(data: JSONWriter.canonical(.array(sorted))))
    }

    /// Reads a JWK Set document.
    ///
    /// Keys that cannot be meant for us (another type, curve, use, or an algorithm that is not in `algorithms`) are
    /// passed over and counted. A faulty, weak or private key, one without a `kid`, or an RSA key that two allowed
    /// algorithms fit refuses the whole set, and so does a set in which no key is left.
    package init(
        parsing bytes: [UInt8], algorithms: Set<JWSAlgorithm> = Set(JWSAlgorithm.allCases)
    ) throws(MintingError) {
        guard bytes.count <= Self.maximumBytes else {
            throw MintingError(.tooLarge, "a key set may have at most \(Self.maximumBytes) bytes")
        }
        guard let document = try? JSONParser.parse(bytes), let values = document.object?["keys"]?.array else {
            throw MintingError(.malformed, "the key set is not a JSON object with an array of keys")
        }
        guard values.count <= Self.maximumKeys else {
            throw MintingError(.tooLarge, "a key set may hold at most \(Self.maximumKeys) keys")
        }
        var keys: [PublicJWK] = []
        for value in values {
            guard let object = value.object else { throw MintingError(.malformed, "a key is not a JSON object") }
            do {
                keys.append(try PublicJWK(parsing: object, algorithms: algorithms))
            } catch  where error.code == .unsupportedKey {
                continue
            }
        }
        guard !keys.isEmpty else {
            throw MintingError(.noUsableKey, "the key set holds no key for the allowed algorithms")
        }
        try self.init(keys, ignoredCount: values.count - keys.count)
    }

    /// The key with this name, or nothing: there is no fall-back.
    package func key(kid: String) -> PublicJWK? {
        guard let key = byKeyID[kid], key.kid.hasSameBytes(as: kid) else { return nil }
        return key
    }

    /// The set as a document.
    package var json: JSONObject {
        JSONObject([.init(name: "keys", value: .array(keys.map { .object($0.json) }))])
    }
}
