import StrictEncoding

/// The parameters of `import`: which key comes into which token, and how it is known to be the right one.
package struct ImportPlan: Sendable, Equatable {
    /// How the key gets into the token.
    package enum Method: String, Sendable, CaseIterable {
        /// Wrapped on the custodian's machine to a transport key of the token: the PEM never enters the appliance.
        case unwrap
        /// In clear through a one-shot child, for tokens that cannot unwrap it.
        case create
    }

    package var key: PlannedKey
    /// The token's serial number.
    package var token: String
    package var method: Method
    /// SHA-256 of the public key's SubjectPublicKeyInfo, in hexadecimal: what the provider shows or the PEM gives.
    package var publicKeySHA256: String
    /// Who issued the key, and whom to ask to delete older ones.
    package var provider: String

    init(_ reader: PlanReader) {
        let part = reader.part("key")
        key =
            part.map(PlannedKey.init)
            ?? PlannedKey(label: "", purpose: .assertion, algorithm: "", gate: nil)
        part?.finish()
        if let part, key.purpose != .assertion, key.purpose != .signing {
            part.fault("purpose", "must be assertion or signing", mend: "other keys are born in their token")
        }
        token = reader.text("token", "must be the serial number of a token", mend: "copy it from status") {
            PlanReader.isLine($0)
        }
        method = reader.choice("method", of: Method.self, missing: .unwrap, placeholder: .unwrap)
        publicKeySHA256 = reader.digits("public_key_sha256", 64)
        provider = reader.line("provider")
    }

    func add(to object: inout JSONObject) {
        object["key"] = key.json
        object["token"] = .string(token)
        object["method"] = .string(method.rawValue)
        object["public_key_sha256"] = .string(publicKeySHA256)
        object["provider"] = .string(provider)
    }
}
