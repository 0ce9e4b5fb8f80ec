import Crypto
package import StrictEncoding

/// What a sealed core asks its custodians for; signed by the host key that the manifest names.
///
/// The signature is over the canonical JSON with a line feed, which is the request's file: stock `ssh-keygen -Y verify`
/// checks it.
package struct ActivationRequest: Sendable, Equatable {
    /// The only format there is.
    package static let format = "vault-activation-request/1"
    /// The longest request that is read, in bytes.
    package static let maximumBytes = 16_384

    package var appliance: String
    /// Random per request.
    package var nonce: String
    /// age recipient whose identity lives in the core's memory alone, from this start on.
    package var recipient: String
    /// SHA-256 of the core's executable, in hexadecimal.
    package var build: String
    /// Hash of the first manifest.
    package var genesis: String
    /// Hash of the manifest in force.
    package var manifest: String
    package var manifestVersion: Int64
    package var epoch: Int64
    /// Serial numbers of the tokens that would be opened.
    package var tokens: [String]
    package var created: UnixTime
    package var expires: UnixTime
    /// The ceremony that needs the shares, by its id; nil where they bring the tokens to life.
    package var ceremony: String?

    /// The file's bytes.
    package var bytes: [UInt8] { JSONWriter.canonical(json) + [0x0A] }

    /// SHA-256 of the file, in hexadecimal: the request's name.
    package var hash: String { Hexadecimal.string(SHA256.hash(data: bytes)) }

    /// Four words that say 64 bits of the hash.
    package var words: String { Proquint.words(Array(SHA256.hash(data: bytes))[..<8]).joined(separator: "-") }

    /// Whether shares are only proven, and never combined.
    package var isDrill: Bool { ceremony?.hasPrefix("\(CeremonyKind.drill.rawValue)-") ?? false }

    /// Whether the newest manifest is only signed: it comes into force after new shares were proven, or never.
    package var provesNewShares: Bool { ceremony?.hasPrefix("\(CeremonyKind.rotateEpoch.rawValue)-") ?? false }

    private var json: JSONValue {
        var object: JSONObject = [
            "format": .string(ActivationRequest.format), "appliance": .string(appliance), "nonce": .string(nonce),
            "recipient": .string(recipient), "build": .string(build), "genesis": .string(genesis),
            "manifest": .string(manifest), "manifest_version": .integer(manifestVersion), "epoch": .integer(epoch),
            "tokens": .array(tokens.map { .string($0) }), "created": .string(created.rfc3339),
            "expires": .string(expires.rfc3339),
        ]
        object["ceremony"] = ceremony.map { .string($0) }
        return .object(object)
    }

    /// A request of the given parts.
    package init(
        appliance: String, nonce: String, recipient: String, build: String, genesis: String, manifest: String,
        manifestVersion: Int64, epoch: Int64, tokens: [String], created: UnixTime, expires: UnixTime,
        ceremony: String? = nil
    ) {
        self.appliance = appliance
        self.nonce = nonce
        self.recipient = recipient
        self.build = build
        self.genesis = genesis
        self.manifest = manifest
        self.manifestVersion = manifestVersion
        self.epoch = epoch
        self.tokens = tokens
        self.created = created
        self.expires = expires
        self.ceremony = ceremony
    }

    /// Reads a request's file; anything but the bytes that `bytes` would write is refused.
    package init(file: [UInt8]) throws(CustodyError) {
        guard file.count <= ActivationRequest.maximumBytes else {
            throw CustodyError(.malformed, "the request is too long")
        }
        do {
            try self.init(json: try JSONParser.parse(file))
        } catch {
            throw CustodyError(.malformed, "the request is not one: \(error)")
        }
        guard bytes == file else { throw CustodyError(.malformed, "the request is not in canonical form") }
    }

    private init(json: JSONValue) throws(SchemaFault) {
        var reader = try ObjectReader(json)
        guard try reader.string("format") == ActivationRequest.format else {
            throw reader.fault("format", "must be \(ActivationRequest.format)")
        }
        appliance = try reader.string("appliance")
        nonce = try reader.string("nonce")
        recipient = try reader.string("recipient")
        build = try reader.string("build")
        genesis = try reader.string("genesis")
        manifest = try reader.string("manifest")
        manifestVersion = try reader.integer("manifest_version", in: 1...JSONValue.safeIntegers.upperBound)
        epoch = try reader.integer("epoch", in: 1...Int64(UInt32.max))
        tokens = try reader.strings("tokens")
        guard let created = UnixTime(rfc3339: try reader.string("created")),
            let expires = UnixTime(rfc3339: try reader.string("expires"))
        else { throw reader.fault("expires", "must be a time") }
        (self.created, self.expires) = (created, expires)
        ceremony = try reader.optionalString("ceremony")
        guard ceremony.map(CeremonyPlan.isID) ?? true else { throw reader.fault("ceremony", "is no ceremony's id") }
        try reader.finish()
    }

    /// Verifies a request before anything is opened for it: the appliance, its host key, what it would bring to life.
    ///
    /// `chain` is the appliance's manifests as the custodian trusts them.
    package func verify(signature: String, chain: ManifestChain, now: UnixTime) throws(CustodyError) {
        let manifest = chain.current
        guard appliance == manifest.appliance, genesis == chain.genesisHash else {
            throw CustodyError(.foreign, "the request is of another appliance than the manifests")
        }
        do {
            try chain.verifyHost(bytes, signature: signature, for: .request)
        } catch {
            throw CustodyError(
                error.code, "the request was not made by this appliance: \(error.reason). Tell the others at once")
        }
        guard self.manifest == manifest.hash, manifestVersion == manifest.version, epoch == manifest.activation?.epoch
        else { throw CustodyError(.stale, "the request is for another manifest than version \(manifest.version)") }
        guard tokens.sorted() == manifest.tokens.map(\.serial).sorted() else {
            throw CustodyError(.foreign, "the request names other tokens than the manifest")
        }
        guard now < expires else { throw CustodyError(.expired, "the request ended at \(expires.rfc3339)") }
        guard created <= now.adding(seconds: 300) else {
            throw CustodyError(.malformed, "the request is dated \(created.rfc3339), which is to come: check the clock")
        }
    }
}
