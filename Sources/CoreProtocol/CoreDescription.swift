package import StrictEncoding

/// What the core says of itself: keys it may use, manifest, health.
///
/// Travels as JSON.
package struct CoreDescription: Sendable, Equatable {
    /// One public key the core can use.
    package struct Key: Sendable, Equatable {
        /// Its label in the manifest and in its PKCS#11 token.
        package var label: String
        /// RFC 7638 thumbprint, as in the key set.
        package var kid: String
        /// `alg` of RFC 7518.
        package var algorithm: String
        /// What it is for, in the manifest's words, such as `signing`.
        package var purpose: String
        /// Where it is in its life, in the manifest's words.
        package var state: String
        /// The public key as a JWK object (RFC 7517).
        package var jwk: JSONObject
        /// Longest life, in seconds, of a token signed with it; nil for keys that sign no tokens.
        package var maximumLifetime: Int64?
        /// Serial number of the PKCS#11 token that holds it.
        package var token: String
        /// Whether it can be expected to sign now: active, and its token well.
        package var isAvailable: Bool

        /// A public key and what it may be used for.
        package init(
            label: String, kid: String, algorithm: String, purpose: String, state: String, jwk: JSONObject,
            maximumLifetime: Int64?, token: String = "", isAvailable: Bool = true
        ) {
            self.label = label
            self.kid = kid
            self.algorithm = algorithm
            self.purpose = purpose
            self.state = state
            self.jwk = jwk
            self.maximumLifetime = maximumLifetime
            self.token = token
            self.isAvailable = isAvailable
        }
    }

    /// One configured PKCS#11 token.
    package struct Token: Sendable, Equatable {
        /// Its label, by its URI or as the manifest has it.
        package var label: String
        /// Nil for one that is away and cannot be told from its URI.
        package var serial: String?
        /// Whether its keys can be expected to sign now.
        package var isReady: Bool
        /// Figures for metrics, by name.
        package var figures: [String: Int64]

        /// A token and how it stands.
        package init(label: String, serial: String?, isReady: Bool, figures: [String: Int64]) {
            self.label = label
            self.serial = serial
            self.isReady = isReady
            self.figures = figures
        }
    }

    /// A witness of the log.
    package struct Witness: Sendable, Equatable {
        /// The name of its key.
        package var name: String
        /// How many entries of the present shard it has cosigned.
        package var size: Int64
        /// For how many seconds there has been a checkpoint that it has not cosigned.
        package var lag: Int64
        /// Why it did not cosign when it was last asked; nil when it did.
        package var problem: String?

        /// A witness and how it stands.
        package init(name: String, size: Int64, lag: Int64, problem: String?) {
            self.name = name
            self.size = size
            self.lag = lag
            self.problem = problem
        }
    }

    /// Random per start of the core: a client that sees another one must load its configuration bundle again.
    package var instance: String
    /// The appliance's id, as its manifest has it.
    package var appliance: String
    /// `development` or `quorum`, with the dials that weaken it.
    package var custody: String
    /// Of the manifest in force.
    package var manifestVersion: Int64
    /// The keys of the manifest that a front has to know.
    package var keys: [Key]
    /// Why the core cannot sign now, in words for an operator; empty when it can.
    package var faults: [String]
    /// What is wrong although the core can sign, as with one of several tokens; empty when nothing is.
    package var warnings: [String]
    /// The configured PKCS#11 tokens, the preferred one first.
    package var tokens: [Token]
    /// The configured witnesses of the log.
    package var witnesses: [Witness]
    /// Figures for metrics, by name.
    package var figures: [String: Int64]
    /// The release it is of.
    package var version = Build.version
    /// SHA-256 of its executable, in hexadecimal; empty when it does not say.
    package var build = ""
    /// Whether the core holds no PIN: nothing is signed before custodians have activated it.
    package var isSealed = false
    /// Counts activations and manifests: a client that sees another count must load its bundle again.
    package var generation: Int64 = 0

    /// A description.
    package init(
        instance: String, appliance: String, custody: String, manifestVersion: Int64, keys: [Key], faults: [String],
        warnings: [String] = [], tokens: [Token] = [], witnesses: [Witness] = [],
        figures: [String: Int64]
    ) {
        self.instance = instance
        self.appliance = appliance
        self.custody = custody
        self.manifestVersion = manifestVersion
        self.keys = keys
        self.faults = faults
        self.warnings = warnings
        self.tokens = tokens
        self.witnesses = witnesses
        self.figures = figures
    }
}

extension CoreDescription {
    /// The description as JSON.
    package var json: JSONValue {
        [
            "instance": .string(instance), "appliance": .string(appliance), "custody": .string(custody),
            "manifest_version": .integer(manifestVersion), "keys": .array(keys.map(\.json)),
            "faults": .array(faults.map { .string($0) }), "warnings": .array(warnings.map { .string($0) }),
            "tokens": .array(tokens.map(\.json)), "witnesses": .array(witnesses.map(\.json)),
            "figures": .object(JSONObject(figures: figures)),
            "sealed": .bool(isSealed), "generation": .integer(generation), "version": .string(version),
            "build": .string(build),
        ]
    }

    /// Reads what `json` wrote; nil for anything else.
    package init?(json: JSONValue) {
        guard let object = json.object, let instance = object["instance"]?.string,
            let appliance = object["appliance"]?.string, let custody = object["custody"]?.string,
            let manifestVersion = object["manifest_version"]?.integer, let faults = object["faults"]?.strings,
            let keyValues = object["keys"]?.array, let figures = object["figures"]?.object?.figures,
            let warnings = object["warnings"]?.strings, let tokenValues = object["tokens"]?.array,
            let witnessValues = object["witnesses"]?.array,
            let isSealed = object["sealed"]?.bool, let generation = object["generation"]?.integer
        else { return nil }
        let keys = keyValues.compactMap { Key(json: $0) }
        let tokens = tokenValues.compactMap { Token(json: $0) }
        let witnesses = witnessValues.compactMap { Witness(json: $0) }
        guard keys.count == keyValues.count, tokens.count == tokenValues.count,
            witnesses.count == witnessValues.count
        else { return nil }
        self.init(
            instance: instance, appliance: appliance, custody: custody, manifestVersion: manifestVersion, keys: keys,
            faults: faults, warnings: warnings, tokens: tokens, witnesses: witnesses, figures: figures)
        self.isSealed = isSealed
        self.generation = generation
        // A core may be older than the front that asks it, or newer.
        version = object["version"]?.string ?? ""
        build = object["build"]?.string ?? ""
    }
}

extension JSONObject {
    fileprivate init(figures: [String: Int64]) {
        self.init(figures.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: .integer($0.value)) })
    }

    fileprivate var figures: [String: Int64] {
        members.reduce(into: [:]) { figures, member in figures[member.name] = member.value.integer }
    }
}

extension CoreDescription.Token {
    var json: JSONValue {
        [
            "label": .string(label), "serial": serial.map { .string($0) } ?? .null, "ready": .bool(isReady),
            "figures": .object(JSONObject(figures: figures)),
        ]
    }

    init?(json: JSONValue) {
        guard let object = json.object, let label = object["label"]?.string, let isReady = object["ready"]?.bool,
            let figures = object["figures"]?.object?.figures
        else { return nil }
        self.init(label: label, serial: object["serial"]?.string, isReady: isReady, figures: figures)
    }
}

extension CoreDescription.Witness {
    var json: JSONValue {
        [
            "name": .string(name), "size": .integer(size), "lag": .integer(lag),
            "problem": problem.map { .string($0) } ?? .null,
        ]
    }

    init?(json: JSONValue) {
        guard let object = json.object, let name = object["name"]?.string, let size = object["size"]?.integer,
            let lag = object["lag"]?.integer
        else { return nil }
        self.init(name: name, size: size, lag: lag, problem: object["problem"]?.string)
    }
}

extension CoreDescription.Key {
    var json: JSONValue {
        var object: JSONObject = JSONObject([
            .init(name: "label", value: .string(label)), .init(name: "kid", value: .string(kid)),
            .init(name: "alg", value: .string(algorithm)), .init(name: "purpose", value: .string(purpose)),
            .init(name: "state", value: .string(state)), .init(name: "jwk", value: .object(jwk)),
            .init(name: "token", value: .string(token)), .init(name: "available", value: .bool(isAvailable)),
        ])
        object["max_lifetime"] = maximumLifetime.map { .integer($0) }
        return .object(object)
    }

    init?(json: JSONValue) {
        guard let object = json.object, let label = object["label"]?.string, let kid = object["kid"]?.string,
            let algorithm = object["alg"]?.string, let purpose = object["purpose"]?.string,
            let state = object["state"]?.string, let jwk = object["jwk"]?.object,
            let token = object["token"]?.string, let isAvailable = object["available"]?.bool
        else { return nil }
        self.init(
            label: label, kid: kid, algorithm: algorithm, purpose: purpose, state: state, jwk: jwk,
            maximumLifetime: object["max_lifetime"]?.integer, token: token, isAvailable: isAvailable)
    }
}
