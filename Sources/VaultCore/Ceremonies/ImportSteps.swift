import Crypto
import CryptoExtras
import Custody
import HSMBridge
import StrictEncoding

extension CoreCeremony {
    /// `import`: a key that a provider has made comes into a token, wrapped to a transport key of this ceremony, or in clear
    /// through a process of its own where the token unwraps nothing.
    func importSteps(_ plan: ImportPlan) throws -> [CeremonyStep] {
        let serial = plan.token
        guard base.tokens.contains(where: { $0.serial == serial }) else {
            throw CustodyError(.foreign, "token: the manifest names no token with serial \(serial)")
        }
        guard !base.keys.contains(where: { $0.token == serial && $0.label == plan.key.label }) else {
            throw CustodyError(
                .repeated, "key: the token \(serial) has had a key \(plan.key.label): choose another label")
        }
        let arrival = KeyImportSteps(ceremony: self, plan: plan)
        return [
            inventoryStep(
                "inventory.before", "See that the token holds what the manifest says", tokens: [serial],
                adding: { _ in [] }), arrival.step,
            inventoryStep(
                "inventory.after", "See that the token holds the imported key and nothing else new", tokens: [serial],
                adding: { _ in try self.readKey(KeyImportSteps.keyFile).map { [$0] } ?? [] }),
        ]
            + manifestSteps { next in
                guard var key = try self.readKey(KeyImportSteps.keyFile) else {
                    throw CustodyError(.wrongState, "the key is not there: abort, and begin anew")
                }
                // Whoever verifies an assertion has the key already: its maker gave it to us.
                key.state = key.purpose == .signing ? .prepublished : .active
                next.keys.append(key)
            }
    }
}

/// The coming of one key.
struct KeyImportSteps: Sendable {
    static let keyFile = "key.json"
    static let transportFile = "transport.json"
    static let clearFile = "import.pem"
    static let wrappedFile = "wrapped.json"

    let ceremony: CoreCeremony
    let plan: ImportPlan

    private var directory: CeremonyDirectory { ceremony.directory }

    var step: CeremonyStep {
        CeremonyStep(
            name: "key", title: "Take the key \(plan.key.label) of \(plan.provider) into the token \(plan.token)",
            role: .custodians, check: { try await ready() },
            act: {
                let key = plan.method == .unwrap ? try await unwrap() : try await create()
                try ceremony.write(KeyImportSteps.keyFile, key.recorded)
                await forgetTransport()
            },
            verify: { try await evidence() },
            undo: {
                try await ceremony.destroyStrays(labelled: plan.key.label, on: try ceremony.hsm(plan.token))
                try ceremony.forget(KeyImportSteps.keyFile)
            })
    }

    private func ready() async throws -> CeremonyStep.Readiness {
        let objects = try await ceremony.hsm(plan.token).inventory()
        guard !objects.contains(where: { $0.label == plan.key.label }) else {
            throw CustodyError(
                .foreign, "the token \(plan.token) holds an object \(plan.key.label) that no manifest names")
        }
        guard plan.method == .unwrap else {
            let path = directory.file(KeyImportSteps.clearFile)
            guard !directory.exists(path) else { return .ready }
            return .waiting(
                CeremonyWait(
                    missing: [plan.provider], needed: 1,
                    what:
                        "put the PEM file in its place (owned by the core's user, mode 0600); it is read once and removed",
                    files: [path]))
        }
        let offer = try await offer()
        if let wrapped = try wrapped(), wrapped.offer == offer.hash { return .ready }
        var wait = CeremonyWait(
            missing: [plan.provider], needed: 1,
            what: "on the computer that has the PEM: vault-appliance custodian wrap-key; then hand its result in",
            files: [directory.file(KeyImportSteps.transportFile)])
        wait.isLive = true
        return .waiting(wait)
    }

    /// The transport key in the token, made anew when the last one ended with its process.
    private func offer() async throws -> TransportOffer {
        if ceremony.memory.withLock({ $0.transport }) != nil,
            let file = try? TransportFile(
                file: try PrivateFile.readPublic(
                    directory.file(KeyImportSteps.transportFile), limit: TransportFile.maximumBytes))
        {
            return file.offer
        }
        let transport = try await ceremony.hsm(plan.token).beginImport(label: "vault-transport")
        let chain = try ceremony.chainInForce()
        var offer = transport.offer(
            appliance: ceremony.base.appliance, manifest: chain.current.hash, token: plan.token, label: plan.key.label,
            now: ceremony.now)
        offer.expires = min(offer.expires, ceremony.plan.expires)
        let signature = try ceremony.core.quorum().hostKey.sign(
            offer.bytes, namespace: SignaturePurpose.transport.namespace)
        try PrivateFile.replace(
            directory.file(KeyImportSteps.transportFile),
            TransportFile(offer: offer, signature: signature, chain: chain).bytes)
        ceremony.memory.withLock { $0.transport = transport }
        return offer
    }

    private func wrapped() throws -> WrappedKey? {
        let path = "\(directory.work)/\(KeyImportSteps.wrappedFile)"
        guard directory.exists(path) else { return nil }
        return try WrappedKey(file: try PrivateFile.readPublic(path, limit: WrappedKey.maximumBytes))
    }

    /// Takes what the custodian's computer has wrapped.
    func take(_ file: [UInt8]) throws {
        let wrapped = try WrappedKey(file: file)
        guard plan.method == .unwrap, ceremony.memory.withLock({ $0.transport }) != nil else {
            throw CustodyError(.wrongState, "no transport key is open: see the ceremony's status, then wrap anew")
        }
        let offer = try TransportFile(
            file: try PrivateFile.readPublic(
                directory.file(KeyImportSteps.transportFile), limit: TransportFile.maximumBytes)
        ).offer
        guard wrapped.offer == offer.hash else {
            throw CustodyError(
                .stale, "the key was wrapped for another transport key: fetch transport.json, and wrap anew")
        }
        _ = try expected(wrapped.jwk)
        try PrivateFile.replace("\(directory.work)/\(KeyImportSteps.wrappedFile)", wrapped.bytes, mode: 0o600)
    }

    /// The public key, which must be the one that custodians have approved.
    private func expected(_ jwk: JSONObject) throws -> PublicKey {
        guard let key = PublicKey(jwk: jwk), let info = key.subjectPublicKeyInfo else {
            throw CustodyError(.malformed, "the public key cannot be read")
        }
        guard Hexadecimal.string(SHA256.hash(data: info)) == plan.publicKeySHA256 else {
            throw CustodyError(.foreign, "the key is another one than the plan's: SHA-256 of its public key differs")
        }
        return key
    }

    private func specification() throws -> KeySpecification {
        guard let algorithm = KeyAlgorithm(rawValue: plan.key.algorithm),
            let purpose = KeyPurpose(rawValue: plan.key.purpose.rawValue)
        else { throw CustodyError(.unsupported, "a key of this kind cannot be imported") }
        return KeySpecification(label: plan.key.label, algorithm: algorithm, purpose: purpose)
    }

    private func unwrap() async throws -> ManifestKey {
        guard let transport = ceremony.memory.withLock({ $0.transport }), let wrapped = try wrapped() else {
            throw CustodyError(.wrongState, "the transport key has ended: wrap the key anew")
        }
        do {
            _ = try expected(wrapped.jwk)
            let key = try await transport.finish(wrapped, try specification())
            return plan.key.manifestKey(key, token: plan.token, provenance: .imported)
        } catch {
            // What was refused once is not tried again: another transport key, another wrapping.
            await forgetTransport()
            throw error
        }
    }

    private func create() async throws -> ManifestKey {
        let path = directory.file(KeyImportSteps.clearFile)
        let key = try readOnce(path)
        let arrival = KeyReference.Arrival(specification: try specification(), jwk: key.jwk)
        let place = try ceremony.core.hsms.configured(plan.token)
        guard let pin = ceremony.core.hsms.activatedPINs?[plan.token] else {
            throw CustodyError(.wrongState, "the core holds no PIN of the token \(plan.token)")
        }
        let report = try await ceremony.equipment.child.run(
            .createKey(uri: place.uri, arrival), module: place.module, secrets: [pin, key.pkcs8])
        guard let made = report.key else {
            throw CustodyError(.stepFailed, "the process that creates the key said nothing of it")
        }
        try PrivateFile.remove(path)
        return plan.key.manifestKey(made, token: plan.token, provenance: .imported)
    }

    /// What is not the key that was approved lies here no longer than it takes to see that.
    private func readOnce(_ path: String) throws -> PrivateKeyFile {
        let pem = try PrivateFile.read(path)
        do {
            let key = try PrivateKeyFile(pem: pem)
            _ = try expected(key.jwk)
            return key
        } catch {
            try PrivateFile.remove(path)
            throw error
        }
    }

    private func forgetTransport() async {
        let transport = ceremony.memory.withLock { state in
            defer { state.transport = nil }
            return state.transport
        }
        await transport?.close()
        try? ceremony.forget(KeyImportSteps.wrappedFile)
        // Nobody shall wrap a key for it any more.
        try? PrivateFile.remove(directory.file(KeyImportSteps.transportFile))
    }

    private func evidence() async throws -> JSONObject? {
        guard let key = try ceremony.readKey(KeyImportSteps.keyFile) else { return nil }
        let token = try ceremony.hsm(plan.token)
        guard try await token.inventory().contains(where: { Hexadecimal.string($0.id) == key.id }) else { return nil }
        guard key.agrees(with: try await token.examine(key)) else {
            throw CustodyError(.foreign, "the key \(key.label) does not look as it did when it came")
        }
        return [
            "token": .string(plan.token), "key": key.recorded, "canary": true, "method": .string(plan.method.rawValue),
            "public_key_sha256": .string(plan.publicKeySHA256),
            "next": .string("ask \(plan.provider) to delete older keys, and destroy every copy of the PEM file"),
        ]
    }
}

extension PublicKey {
    /// SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7); nil for numbers that are no key.
    var subjectPublicKeyInfo: [UInt8]? {
        switch self {
        case .ec(let x, let y) where x.count == 48:
            (try? P384.Signing.PublicKey(x963Representation: [4] + x + y)).map { Array($0.derRepresentation) }
        case .ec(let x, let y):
            (try? P256.Signing.PublicKey(x963Representation: [4] + x + y)).map { Array($0.derRepresentation) }
        case .ed25519(let x): [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00] + x
        case .rsa(let modulus, let exponent):
            (try? _RSA.Signing.PublicKey(n: modulus, e: exponent)).map { Array($0.derRepresentation) }
        }
    }
}

extension VaultCore {
    /// `ceremony-hand-in`: a private key that a custodian's computer has wrapped for the ceremony's transport key.
    func handIn(_ reader: inout ObjectReader) async throws -> JSONValue {
        let id = try reader.string("id")
        guard let file = Base64URL.decode(try reader.string("file")) else {
            throw reader.fault("file", "is not base64url")
        }
        try reader.finish()
        return try await ceremonies.turns.take {
            let ceremony = try CoreCeremony(id, in: self)
            guard case .importKey(let plan) = ceremony.plan.parameters else {
                throw CustodyError(.wrongState, "the ceremony \(id) takes no files")
            }
            try KeyImportSteps(ceremony: ceremony, plan: plan).take(file)
            return ["accepted": true]
        }
    }
}
