package import StrictEncoding

extension Ceremony {
    /// What a signature that was handed in is for.
    package enum Accepted: Sendable, Equatable {
        case approval(of: String)
        case manifest(of: String)
        case head(of: String)

        /// Whose it is.
        package var person: String {
            switch self {
            case .approval(let name), .manifest(let name), .head(let name): name
            }
        }

        /// For commands.
        package var json: JSONValue {
            let what =
                switch self {
                case .approval: "plan"
                case .manifest: "manifest"
                case .head: "transcript"
                }
            return ["accepted": .string(what), "person": .string(person)]
        }
    }

    /// Takes a person's signature over the plan, the drafted manifest or the transcript's head, whichever it is for.
    ///
    /// What is for anything else, another's or a second one is refused and named, and nothing changes.
    package func accept(signature text: String, now: UnixTime) throws(CustodyError) -> Accepted {
        let signature = try SSHSignature(armored: text)
        switch signature.namespace {
        case SignaturePurpose.plan.namespace: return .approval(of: try acceptApproval(text, now: now))
        case SignaturePurpose.manifest.namespace: return .manifest(of: try acceptManifest(text, now: now))
        case SignaturePurpose.transcript.namespace: return .head(of: try acceptHead(text))
        default:
            throw CustodyError(
                .wrongNamespace,
                "the signature is for \(signature.namespace.prefix(128)), which is nothing that a ceremony collects")
        }
    }

    /// How the names of files begin that hold a signature of the drafted manifest.
    static let manifestSignature = "manifest-"

    private func acceptApproval(_ text: String, now: UnixTime) throws(CustodyError) -> String {
        try authority.check(plan)
        try checkTime(now)
        guard try directory.loadTranscript(plan: plan).phase == .unopened else {
            throw CustodyError(.wrongState, "the ceremony has begun: no approval is needed any more")
        }
        let person = try authority.approver(of: plan, signature: text)
        try store(text, "\(directory.approvals)/\(person.name).sig", person.name, "approved")
        return person.name
    }

    private func acceptManifest(_ text: String, now: UnixTime) throws(CustodyError) -> String {
        try checkTime(now)
        let manifest = try draftedManifest()
        let person: Manifest.Person
        do {
            person = try Quorum.signer(
                of: manifest.bodyBytes, signature: text, for: .manifest, among: authority.custodians)
        } catch {
            throw CustodyError(error.code, "it is no signature of the drafted manifest: \(error.reason)")
        }
        try store(
            text, "\(directory.signatures)/\(Ceremony.manifestSignature)\(person.name).sig", person.name,
            "signed the manifest")
        return person.name
    }

    private func acceptHead(_ text: String) throws(CustodyError) -> String {
        guard let head = TranscriptHead(plan: plan, transcript: try directory.loadTranscript(plan: plan)) else {
            throw CustodyError(.wrongState, "the ceremony has not ended: its transcript has no head to sign yet")
        }
        let person = try Quorum.signer(
            of: head.bytes, signature: text, for: .transcript, among: authority.custodians + plan.witnesses)
        try store(text, "\(directory.signatures)/transcript-\(person.name).sig", person.name, "signed the transcript")
        return person.name
    }

    private func store(_ text: String, _ path: String, _ name: String, _ done: String) throws(CustodyError) {
        guard !directory.exists(path) else {
            throw CustodyError(.repeated, "\(name) has \(done) already; one person counts once")
        }
        try PrivateFile.create(path, Array(text.utf8))
        try PrivateFile.syncDirectory(directory.path)
    }

    /// The manifest that was drafted for signature.
    package func draftedManifest() throws(CustodyError) -> Manifest {
        guard directory.exists(directory.manifest) else {
            throw CustodyError(.wrongState, "there is no manifest to sign yet")
        }
        let body = try PrivateFile.readPublic(directory.manifest)
        do {
            return try Manifest(bodyBytes: body)
        } catch {
            throw CustodyError(.malformed, "\(directory.manifest): \(error)")
        }
    }

    /// The drafted manifest with the signatures that were handed in, each checked anew.
    package func signedManifest() throws(CustodyError) -> Manifest {
        var manifest = try draftedManifest()
        for (_, bytes) in try directory.contents(
            of: directory.signatures, prefix: Ceremony.manifestSignature, ending: ".sig")
        {
            manifest.signatures.append(String(decoding: bytes, as: UTF8.self))
        }
        _ = try Quorum.signers(
            of: manifest.bodyBytes, signatures: manifest.signatures, for: .manifest, among: authority.custodians)
        return manifest
    }

    /// What a step that needs the manifest signed waits for; nil when enough have signed.
    package func waitForManifest() throws(CustodyError) -> CeremonyWait? {
        let manifest = try signedManifest()
        let signers = try Quorum.signers(
            of: manifest.bodyBytes, signatures: manifest.signatures, for: .manifest, among: authority.custodians)
        guard signers.count < authority.threshold else { return nil }
        return CeremonyWait(
            missing: authority.custodians.map(\.name).filter { !signers.contains($0) },
            needed: authority.threshold - signers.count,
            what: "compare the manifest with the plan, and sign it: vault-appliance custodian approve manifest.json",
            files: [directory.manifest], words: Proquint.phrase(hexadecimal: manifest.hash))
    }

    /// Who has signed the transcript's head, each signature checked anew.
    package func headSigners(_ transcript: Transcript) throws(CustodyError) -> [String] {
        guard let head = TranscriptHead(plan: plan, transcript: transcript) else { return [] }
        var names: [String] = []
        for (name, bytes) in try directory.contents(of: directory.signatures, prefix: "transcript-", ending: ".sig") {
            do throws(CustodyError) {
                let person = try Quorum.signer(
                    of: head.bytes, signature: String(decoding: bytes, as: UTF8.self), for: .transcript,
                    among: authority.custodians + plan.witnesses)
                guard person.name == name else { throw CustodyError(.foreign, "it is \(person.name)'s") }
                names.append(name)
            } catch {
                throw CustodyError(error.code, "signatures/transcript-\(name).sig: \(error.reason)")
            }
        }
        return names
    }

    /// Who must still sign the head: every witness, and custodians up to the threshold.
    package func missingHeadSigners(_ signers: [String]) -> [String] {
        let custodians = authority.custodians.map(\.name)
        let witnesses = plan.witnesses.map(\.name).filter { !signers.contains($0) }
        let isQuorum = custodians.filter { signers.contains($0) }.count >= authority.threshold
        return (isQuorum ? [] : custodians.filter { !signers.contains($0) }) + witnesses
    }
}
