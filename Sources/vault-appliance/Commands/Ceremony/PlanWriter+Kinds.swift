import Custody
import StrictEncoding
import VaultAppliance

extension PlanWriter {
    func tokens() throws -> String {
        var text = "# The tokens of the configuration, word for word.\ntokens:\n"
        for token in configuration.hsm.tokens {
            text += try self.token(module: token.module, uri: token.token).map { "  \($0)\n" }.joined()
        }
        return text + "\n"
    }

    private func token(module: String, uri: String) throws -> [String] {
        let preparation = try questions.choose(
            "Token \(uri): has somebody else initialised it", ["adopt", "initialise"])
        var lines = [
            "- module: \(PlanWriter.quoted(module))", "  token: \(PlanWriter.quoted(uri))", "  prepare: \(preparation)",
        ]
        if preparation == "adopt" {
            let file = try questions.ask(
                "File with its user PIN, mode 0600 (nothing: ask at the terminal)", default: ""
            ) { _ in true }
            if !file.isEmpty { lines.append("  pin_file: \(PlanWriter.quoted(file))") }
            let pin = try questions.choose(
                "Set a random PIN that nobody has seen, or keep the one it has", ["replace", "keep"])
            lines.append("  pin: \(pin)")
        }
        let officer = try questions.choose(
            "What becomes of the SO PIN", preparation == "adopt" ? ["team", "burn", "file"] : ["burn", "file"])
        lines.append("  so_pin: \(officer)")
        if officer == "burn" || preparation == "initialise" {
            lines.append("  so_pin_file: \(PlanWriter.quoted(try questions.ask("File with the SO PIN, mode 0600")))")
        }
        return lines
    }

    func keys() -> String {
        var text = "# Made in every token. A kek opens sealed secrets.\nkeys:\n"
        for key in configuration.keys {
            text += PlanWriter.line(
                label: key.label, purpose: key.purpose.rawValue, algorithm: key.algorithm.rawValue, types: key.types,
                lifetime: key.maximumLifetime, issuer: configuration.issuer)
        }
        if !configuration.keys.contains(where: { $0.purpose.rawValue == "kek" }) {
            text += PlanWriter.line(
                label: "kek", purpose: "kek", algorithm: "RSA-OAEP-256", types: [], lifetime: nil, issuer: "")
        }
        return text + "\n"
    }

    static func line(
        label: String, purpose: String, algorithm: String, types: [String], lifetime: Int64?, issuer: String
    ) -> String {
        var text = "  - {label: \(label), purpose: \(purpose), alg: \(algorithm)"
        if purpose == "signing" || purpose == "assertion" {
            text += ", issuer: \(quoted(issuer)), types: [\(types.map(quoted).joined(separator: ", "))]"
            text += ", max_lifetime: \(lifetime ?? 60)s"
        }
        return text + "}\n"
    }

    func activate() throws -> String {
        "# How long the request for shares stays open.\nrequest_open_for: "
            + (try questions.ask("How long the request for shares stays open", default: "30m")) + "\n"
    }

    func changes() throws -> String {
        var text = "# Keys by their thumbprint (status), and where each goes:\n"
        text +=
            "# prepublished, active, retiring, retired, destroyed; quarantined keeps out what one person has put out of use.\n"
        text += "changes:\n"
        for kid in try questions.list("Key id (thumbprint) of a key that moves on") {
            let state = try questions.choose(
                "Where to", ["prepublished", "active", "retiring", "retired", "destroyed", "quarantined"])
            text += "  - {kid: \(PlanWriter.quoted(kid)), to: \(state)}\n"
        }
        return text
    }

    func generate() throws -> String {
        var text =
            "# New keys. Signing keys begin 'prepublished' and sign nothing before a change of state, others 'generated'.\n"
        text += "# A kek, where the token's own is quarantined, is 'active' at once.\nkeys:\n"
        for label in try questions.list("Label of a new key") { text += try key(label) }
        let tokens = try questions.list("Serial number of a token that gets them; none for all tokens")
        if !tokens.isEmpty { text += "tokens: [\(tokens.map(PlanWriter.quoted).joined(separator: ", "))]\n" }
        return text
    }

    private func key(_ label: String) throws -> String {
        let purpose = try questions.choose("What \(label) is for", ManifestKey.Purpose.allCases.map(\.rawValue))
        let algorithms = PlannedKey.algorithms(for: ManifestKey.Purpose(rawValue: purpose) ?? .signing)
        let algorithm = try questions.choose("Algorithm of \(label)", algorithms)
        guard purpose == "signing" || purpose == "assertion" else {
            return PlanWriter.line(
                label: label, purpose: purpose, algorithm: algorithm, types: [], lifetime: nil, issuer: "")
        }
        let issuer = try questions.ask("Issuer that its tokens name", default: configuration.issuer)
        let types = try questions.list("Header type that it signs, like at+jwt")
        let lifetime = try questions.ask("Longest lifetime of what it signs, in seconds", default: "300")
        return PlanWriter.line(
            label: label, purpose: purpose, algorithm: algorithm, types: types, lifetime: Int64(lifetime),
            issuer: issuer)
    }

    func importKey() throws -> String {
        let label = try questions.ask("Label that the key gets", default: "github-app")
        let issuer = try questions.ask("Issuer that its assertions name (at GitHub the client id of the App)")
        let line = PlanWriter.line(
            label: label, purpose: "assertion", algorithm: "RS256", types: ["JWT"], lifetime: 600, issuer: issuer)
        return """
            # The key as the gate will know it.
            key: \(line.dropFirst(4))
            # Serial number of the token that takes it.
            token: \(PlanWriter.quoted(try questions.ask("Serial number of the token")))
            # unwrap: the PEM never enters the appliance. create: for tokens that cannot unwrap it.
            method: \(try questions.choose("How the key gets in", ["unwrap", "create"]))
            # openssl rsa -in key.pem -pubout -outform DER | sha256sum
            public_key_sha256: \(try questions.ask("SHA-256 of the public key (DER), in hexadecimal"))
            # Who issued it; the report says whom to ask to delete older keys.
            provider: \(PlanWriter.quoted(try questions.ask("Who issued the key")))

            """
    }

    func replicate() throws -> String {
        let module = try questions.ask("Absolute path of the new token's PKCS#11 library")
        let uri = try questions.ask("PKCS#11 URI of the new token", default: "pkcs11:token=vault-2")
        let token = try self.token(module: module, uri: uri).map { "  " + $0.dropFirst(2) + "\n" }.joined()
        return "# The token that comes into service; it makes keys of its own.\ntoken:\n" + token + keys()
    }

    func rotateEpoch() throws -> String {
        let answer = try questions.choose(
            "Make a new host key, as when somebody may have a copy of it", ["false", "true"])
        // Who starts unattended knows the PIN, and keeps it in a file.
        let setsPINs = !(inForce?.dials.unattendedStart ?? false)
        return """
            # New PINs for the tokens; false where a token refuses C_SetPIN, or unattended_start has the PIN in a file.
            set_pins: \(setsPINs)
            # true: the appliance gets another host key too, the one that signs requests for shares.
            new_host_key: \(answer)

            """
    }

    func removeToken() throws -> String {
        """
        # Serial number of the token that leaves.
        token: \(PlanWriter.quoted(try questions.ask("Serial number of the token")))
        # false for a token that is gone already.
        destroy_keys: \(try questions.choose("Destroy its keys", ["true", "false"]))

        """
    }

    func drill() throws -> String {
        let names = try questions.list("Custodian who is to prove it; none for all")
        return names.isEmpty
            ? "# All custodians prove that they can open their shares; nothing is activated.\n"
            : "# Who prove that they can open their shares; nothing is activated.\ncustodians: [\(names.joined(separator: ", "))]\n"
    }
}
