import Custody
import HSMBridge
import StrictEncoding

extension Genesis {
    /// A token as it was found or made.
    struct FoundToken {
        let label: String
        let serial: String
        let model: String

        /// Names the token for good.
        var uri: String { "pkcs11:serial=\(FoundToken.encoded(serial))" }

        init(_ report: TokenTaskReport) {
            (label, serial) = (report.label, report.serial)
            model = "\(report.manufacturer) \(report.model)"
        }

        init(json: JSONValue) throws(SchemaFault) {
            var reader = try ObjectReader(json)
            (label, serial) = (try reader.string("label"), try reader.string("serial"))
            model = try reader.string("model")
            try reader.finish()
        }

        var json: JSONObject { ["label": .string(label), "serial": .string(serial), "model": .string(model)] }

        /// RFC 3986 section 2.1: anything but unreserved characters.
        private static func encoded(_ text: String) -> String {
            text.utf8.map { byte in
                let isPlain =
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                return isPlain ? String(Unicode.Scalar(byte)) : "%" + Hexadecimal.string([byte]).uppercased()
            }.joined()
        }
    }

    /// The token of a place in the plan, once it was prepared.
    func token(_ index: Int) throws -> FoundToken {
        guard let token = try read(tokenFile(index), { try FoundToken(json: $0) }) else {
            throw CustodyError(.wrongState, "the token \(title(index)) was not prepared")
        }
        return token
    }

    func tokenFile(_ index: Int) -> String { "token-\(index + 1).json" }
    private func markFile(_ index: Int) -> String { "token-\(index + 1).initialising" }

    /// Takes a token into service: it must be empty, whoever initialised it.
    func prepareStep(_ index: Int) -> CeremonyStep {
        let isAdopted = plan.tokens[index].preparation == .adopt
        return CeremonyStep(
            name: name("token", index),
            title: (isAdopted ? "Adopt the token " : "Initialise the token ") + title(index) + ", which must be empty",
            act: { isAdopted ? try await self.adopt(index) : try await self.initialise(index) },
            verify: {
                guard let token = try self.read(self.tokenFile(index), { try FoundToken(json: $0) }) else { return nil }
                var evidence = token.json
                evidence["prepared"] = .string(self.plan.tokens[index].preparation.rawValue)
                evidence["so_pin"] = .string(self.plan.tokens[index].securityOfficer.rawValue)
                evidence["objects"] = 0
                return evidence
            }, undo: { try self.forget(self.tokenFile(index)) })
    }

    private func adopt(_ index: Int) async throws {
        let token = plan.tokens[index]
        let pin = try await userPIN(index)
        let report = try await site.child.run(.examine(uri: token.uri), module: token.module, secrets: [pin])
        try keep(index, report)
    }

    /// Initialises the token under the SO PIN, with a PIN that is good until the ceremony sets the final one.
    private func initialise(_ index: Int) async throws {
        let token = plan.tokens[index]
        guard let label = try TokenURI(token.uri).token else {
            throw CustodyError(.malformed, "a token that is to be initialised needs its label: pkcs11:token=LABEL")
        }
        let secrets = [try officerPIN(index), try Genesis.randomPIN(longest: 32)]
        let isRetry = directory.exists("\(directory.work)/\(markFile(index))")
        if !isRetry { try write(markFile(index), [:]) }
        var report: TokenTaskReport
        do throws(HSMError) {
            report = try await site.child.run(.initialise(label: label), module: token.module, secrets: secrets)
        } catch {
            guard error.code == .labelTaken else { throw error }
            // Only a token that this very ceremony began to initialise, and died over, is initialised again.
            guard isRetry else {
                try forget(markFile(index))
                throw error
            }
            report = try await site.child.run(
                .initialiseAgain(uri: token.uri, label: label), module: token.module, secrets: secrets)
        }
        hold(secrets[1], index)
        report = try await site.child.run(
            .examine(uri: FoundToken(report).uri), module: token.module, secrets: [secrets[1]])
        try keep(index, report)
    }

    /// The inventory must be empty before; what lies there already could be anybody's.
    private func keep(_ index: Int, _ report: TokenTaskReport) throws {
        if let object = report.objects?.first {
            throw CustodyError(
                .foreign,
                "the token \(report.label) holds \(report.objects?.count ?? 0) objects, such as \(object.kind.rawValue) "
                    + "\"\(object.label.prefix(64))\": have it initialised, and find out who put them there")
        }
        for other in plan.tokens.indices where other != index {
            let known = try read(tokenFile(other)) { try FoundToken(json: $0) }
            guard known?.serial != report.serial else {
                throw CustodyError(.repeated, "two tokens of the plan are one (serial \(report.serial))")
            }
        }
        try write(tokenFile(index), .object(FoundToken(report).json))
    }
}
