import AuditLog
import CoreProtocol
package import Custody
import HSMBridge
import Logging
import StrictEncoding

extension VaultCore {
    /// The envelopes of this appliance.
    var secretStore: SecretStore { SecretStore(directory: settings.secretsDirectory) }

    /// Executes a command about sealed secrets; nil when it is another one.
    func executeSecrets(_ command: String, _ reader: inout ObjectReader) async throws -> JSONValue? {
        do {
            switch command {
            case "secret-manifests": return try secretManifests(&reader)
            case "secret-store": return try await storeSecret(&reader)
            case "secret-remove": return try await removeSecret(&reader)
            case "secret-version":
                let name = try reader.string("name")
                try reader.finish()
                return ["version": .integer(standing.secrets[name]?.secretVersion ?? 0)]
            case "secret-list":
                try reader.finish()
                return listSecrets
            default: return nil
            }
        } catch let error as CustodyError {
            throw CoreError(.refused, "secret: \(error)")
        }
    }

    /// What a secret is sealed to: the chain of manifests, or the one there is under development custody.
    ///
    /// As many as a frame takes, after `after` of them; `more` says whether there are others.
    private func secretManifests(_ reader: inout ObjectReader) throws -> JSONValue {
        let after = reader.optional("after") == nil ? 0 : Int(try reader.integer("after", in: 0...Int64(Int32.max)))
        try reader.finish()
        let manifests = (inForce.current.chain?.manifests ?? [inForce.current.signed]).dropFirst(after)
        var texts: [String] = []
        var room = CoreFrame.maximumLength / 4
        for manifest in manifests {
            let text = String(decoding: manifest.jsonBytes, as: UTF8.self)
            // As a string in another document each quotation mark takes two bytes.
            guard texts.isEmpty || text.utf8.count <= room else { break }
            room -= text.utf8.count
            texts.append(text)
        }
        // An order may have put a key out of use since the manifest was signed.
        let outOfUse = manifest.keys.filter { $0.purpose == .kek && $0.state == .quarantined }
        return [
            "manifests": .array(texts.map { .string($0) }), "more": .bool(texts.count < manifests.count),
            "quarantined": .array(outOfUse.map { .string($0.kid) }),
        ]
    }

    /// Takes an envelope over; it is current, and its leaf durable, before this returns.
    ///
    /// It must be the next version, signed by a person of the manifest, sealed to exactly the manifest's tokens, and open
    /// with every one of them that is there: so no working secret is replaced by one that cannot be opened.
    private func storeSecret(_ reader: inout ObjectReader) async throws -> JSONValue {
        let envelope = try SealedSecret(file: Array(try reader.string("envelope").utf8))
        let isRotation = try reader.bool("rotate")
        try reader.finish()
        try checkActive()
        let person = try envelope.sealer(under: manifest)
        guard envelope.manifest == manifest.version else {
            throw CustodyError(
                .stale,
                "the envelope was sealed under manifest \(envelope.manifest); version \(manifest.version) is in force")
        }
        return try await secretTurns.take { try await self.store(envelope, isRotation: isRotation, by: person) }
    }

    private func store(_ envelope: SealedSecret, isRotation: Bool, by person: String?) async throws -> JSONValue {
        let leaf = standing.secrets[envelope.name]
        let exists = leaf.map { $0.kind != .secretRemoved } ?? false
        guard exists == isRotation else {
            throw CustodyError(
                .repeated, exists ? "\(envelope.name) exists already: rotate it" : "there is no secret \(envelope.name)"
            )
        }
        let next = (leaf?.secretVersion ?? 0) + 1
        guard envelope.version == next else {
            throw CustodyError(.stale, "the envelope is version \(envelope.version); the next version is \(next)")
        }
        try await checkOpens(envelope)
        var entry = Entry(kind: isRotation ? .secretRotated : .secretSealed)
        entry.operator = person
        let index = try await replace(envelope, entry)
        logger.notice(
            "a secret was sealed", metadata: ["secret": "\(envelope.name)", "version": "\(envelope.version)"])
        return ["name": .string(envelope.name), "version": .integer(envelope.version), "leaf": .integer(Int64(index))]
    }

    /// Sealed to every token, and every token that is open opens it.
    private func checkOpens(_ envelope: SealedSecret) async throws {
        let recipients = try manifest.secretRecipients
        guard Set(envelope.keys.map(\.kid)) == Set(recipients.map(\.kid)) else {
            throw CustodyError(
                .foreign,
                "the envelope is not sealed to exactly the manifest's key encryption keys that are in use: seal it again"
            )
        }
        var opened = 0
        for key in keys.keyEncryption {
            guard let wrapped = envelope.keys.first(where: { $0.kid == key.manifest.kid }) else { continue }
            let result = try await key.hsm.decrypt(wrapped.wrapped, deadline: .now + .seconds(10)) { dataKey in
                Result { () throws(CustodyError) in _ = try envelope.open(dataKey) }
            }
            try result.get()
            opened += 1
        }
        guard opened > 0 else { throw CoreError(.hsmUnavailable, "no token is open that could open it", retryAfter: 2) }
    }

    /// File, leaf, file in place: in this order, so that a crash leaves the old envelope current or the new one.
    private func replace(_ envelope: SealedSecret, _ entry: Entry) async throws -> UInt64 {
        var entry = entry
        entry.secret = envelope.name
        entry.secretVersion = envelope.version
        entry.inputSHA256 = envelope.hash
        try secretStore.prepare(envelope)
        let index: UInt64
        do {
            index = try await record(entry)
        } catch {
            // Where the leaf may be there, it is this envelope that is current.
            if error.leftNoEntry { secretStore.withdraw(envelope) }
            throw error
        }
        try secretStore.commit(envelope)
        return index
    }

    /// Ends what a process before this one has left between a secret's leaf and its files.
    ///
    /// An envelope that somebody changed keeps no core from starting: whoever opens it is told.
    func settleSecrets() {
        for (name, leaf) in standing.secrets {
            do {
                try secretStore.settle(leaf)
            } catch {
                logger.error(
                    "a sealed secret is not as it should be", metadata: ["secret": "\(name)", "reason": "\(error)"])
            }
        }
    }

    private func removeSecret(_ reader: inout ObjectReader) async throws -> JSONValue {
        let removal = SecretRemoval(
            name: try reader.string("name"), version: try reader.integer("version", in: 1...Int64(UInt32.max)),
            appliance: try reader.string("appliance"))
        let person = try removal.remover(signature: try reader.optionalString("signature"), under: manifest)
        try reader.finish()
        return try await secretTurns.take {
            guard let leaf = self.standing.secrets[removal.name], leaf.kind != .secretRemoved else {
                throw CustodyError(.foreign, "there is no secret of this name")
            }
            guard leaf.secretVersion == removal.version else {
                throw CustodyError(.stale, "the current version is \(leaf.secretVersion ?? 0)")
            }
            var entry = Entry(kind: .secretRemoved)
            (entry.secret, entry.secretVersion, entry.operator) = (removal.name, removal.version, person)
            let index = try await self.record(entry)
            // From here on nothing opens it, whatever files there are.
            try self.secretStore.remove(removal.name)
            return ["name": .string(removal.name), "leaf": .integer(Int64(index))]
        }
    }

    private var listSecrets: JSONValue {
        let secrets = standing.secrets.values.filter { $0.kind != .secretRemoved }
            .sorted { ($0.secret ?? "") < ($1.secret ?? "") }
        return [
            "signed": .bool(manifest.custody == .quorum),
            "secrets": .array(
                secrets.map { leaf in
                    let problem: String?
                    do {
                        problem = try secretStore.current(leaf) == nil ? "removed" : nil
                    } catch {
                        problem = "\(error)"
                    }
                    return [
                        "name": .string(leaf.secret ?? ""), "version": .integer(leaf.secretVersion ?? 0),
                        // Who sealed it; or the ceremony that wrapped it anew.
                        "by": (leaf.operator ?? leaf.reason).map { .string($0) } ?? .null,
                        "time": leaf.time.map { .string($0.rfc3339) } ?? .null,
                        "problem": problem.map { .string($0) } ?? .null,
                    ]
                }),
        ]
    }

    /// Wraps the data key of every secret to the tokens of another manifest, each with its leaf; returns how many.
    ///
    /// For the ceremonies that add or remove a token, before that manifest is installed or after. Values and signatures stay
    /// as they are. A secret that is wrapped so already is left alone, so that it may be called again after a crash. One that
    /// cannot be opened stops it: nothing is lost by that, and the ceremony says which it is. Those in `left` are left alone.
    package func rewrapSecrets(to next: Manifest, ceremony: String, leaving left: Set<String> = []) async throws -> Int
    {
        try checkActive()
        let recipients = try next.secretRecipients
        return try await secretTurns.take {
            var count = 0
            for (name, leaf) in self.standing.secrets.sorted(by: { $0.key < $1.key }) where !left.contains(name) {
                guard let envelope = try self.secretStore.current(leaf) else { continue }
                guard Set(envelope.keys.map(\.kid)) != Set(recipients.map(\.kid)) else { continue }
                let rewrapped = try await self.withDataKey(of: envelope, deadline: .now + .seconds(30)) {
                    (dataKey) throws(CustodyError) in try envelope.rewrapped(dataKey, to: recipients)
                }
                var entry = Entry(kind: .secretRewrapped)
                entry.reason = "ceremony \(ceremony)"
                _ = try await self.replace(rewrapped, entry)
                self.logger.notice("a secret was wrapped to other tokens", metadata: ["secret": "\(name)"])
                count += 1
            }
            return count
        }
    }
}

extension CoreSettings {
    /// Where envelopes of sealed secrets lie.
    var secretsDirectory: String {
        if let custodyDirectory { return CustodyDirectory(path: custodyDirectory).secrets }
        let parts = manifestFile.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        return parts.joined(separator: "/") + "/secrets"
    }
}
