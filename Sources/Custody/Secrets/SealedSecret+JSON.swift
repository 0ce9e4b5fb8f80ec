import Crypto
import StrictEncoding

extension SealedSecret {
    /// What a person signs: the canonical JSON of everything but the wrapped data keys and the signature, and a line feed.
    package var signedBytes: [UInt8] { JSONWriter.canonical(.object(body)) + [0x0A] }

    /// The file's bytes.
    package var bytes: [UInt8] {
        var object = body
        object["keys"] = .array(keys.map(\.json))
        object["signature"] = signature.map { .string($0) } ?? .null
        return JSONWriter.canonical(.object(object)) + [0x0A]
    }

    /// base64url of the SHA-256 of the file: what the leaf in the audit log says is current.
    package var hash: String { Base64URL.string(Array(SHA256.hash(data: bytes))) }

    private var body: JSONObject {
        JSONObject([
            .init(name: "format", value: .string(SealedSecret.format)), .init(name: "name", value: .string(name)),
            .init(name: "version", value: .integer(version)), .init(name: "appliance", value: .string(appliance)),
            .init(name: "manifest", value: .integer(manifest)),
            .init(name: "created", value: .string(created.rfc3339)),
            .init(name: "commitment", value: .string(Base64URL.string(commitment))),
            .init(name: "nonce", value: .string(Base64URL.string(nonce))),
            .init(name: "ciphertext", value: .string(Base64URL.string(ciphertext))),
        ])
    }

    /// Reads an envelope; anything but the bytes that `bytes` would write is refused.
    package init(file: [UInt8]) throws(CustodyError) {
        guard file.count <= SealedSecret.maximumBytes else {
            throw CustodyError(.malformed, "the envelope is too long")
        }
        do {
            try self.init(json: try JSONParser.parse(file))
        } catch {
            throw CustodyError(.malformed, "the envelope is not one: \(error)")
        }
        guard bytes == file else { throw CustodyError(.malformed, "the envelope is not in canonical form") }
    }

    private init(json: JSONValue) throws(SchemaFault) {
        var reader = try ObjectReader(json)
        guard try reader.string("format") == SealedSecret.format else {
            throw reader.fault("format", "must be \(SealedSecret.format)")
        }
        name = try reader.string("name")
        guard Manifest.isName(name) else { throw reader.fault("name", "must name a secret") }
        version = try reader.integer("version", in: 1...JSONValue.safeIntegers.upperBound)
        appliance = try reader.string("appliance")
        manifest = try reader.integer("manifest", in: 1...JSONValue.safeIntegers.upperBound)
        guard let created = UnixTime(rfc3339: try reader.string("created")) else {
            throw reader.fault("created", "must be a time")
        }
        self.created = created
        commitment = try reader.data("commitment", count: 32...32)
        nonce = try reader.data("nonce", count: 12...12)
        ciphertext = try reader.data("ciphertext", count: 17...SealedSecret.longestValue + 16)
        var keys: [WrappedDataKey] = []
        for (value, path) in try reader.elements("keys") { keys.append(try WrappedDataKey(json: value, path: path)) }
        guard !keys.isEmpty, Set(keys.map(\.kid)).count == keys.count else {
            throw reader.fault("keys", "must hold one data key for each token")
        }
        self.keys = keys
        signature = try reader.optionalString("signature")
        try reader.finish()
    }

    /// Who sealed it, after everything about it was checked but whether it opens; nil where nobody is asked to sign.
    ///
    /// Under quorum custody it is one of the manifest's custodians and approvers.
    package func sealer(under manifest: Manifest) throws(CustodyError) -> String? {
        guard appliance == manifest.appliance else {
            throw CustodyError(.foreign, "the envelope of \(name) was sealed for another appliance")
        }
        guard manifest.custody == .quorum else { return nil }
        guard let signature else {
            throw CustodyError(.badSignature, "the envelope of \(name) is not signed: a custodian or approver signs it")
        }
        return try Quorum.signer(of: signedBytes, signature: signature, for: .envelope, among: manifest.people).name
    }
}

extension ObjectReader {
    fileprivate mutating func data(_ name: String, count: ClosedRange<Int>) throws(SchemaFault) -> [UInt8] {
        guard let bytes = Base64URL.decode(try string(name)), count.contains(bytes.count) else {
            throw fault(name, "must be base64url of the right length")
        }
        return bytes
    }
}
