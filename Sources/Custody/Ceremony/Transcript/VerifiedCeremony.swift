import StrictEncoding

/// A ceremony's directory, checked offline: plan, approvals, every line, the signatures of the head.
package struct VerifiedCeremony: Sendable {
    package let plan: CeremonyPlan
    package let transcript: Transcript
    /// Who approved the plan, each signature checked.
    package let approvers: [Manifest.Person]
    /// Who signed the head, each signature checked.
    package let headSigners: [String]
    /// Custodians and witnesses who should have signed the head and have not.
    package let missingHeadSigners: [String]
    /// The manifest that the ceremony brought, with its signatures; nil when it brought none.
    package let manifest: Manifest?
    /// SHA-256 of the appliance's first manifest, in hexadecimal; nil when a genesis brought none.
    ///
    /// Who trusts it trusts all that follows from it.
    package let genesis: String?
    /// Who says that this genesis is the appliance's.
    package let anchor: TrustAnchor

    /// How the ceremony ended; nil when it has not.
    package var outcome: TranscriptLine.Event? {
        transcript.lines.last.flatMap { [.completed, .aborted].contains($0.event) ? $0.event : nil }
    }

    /// Whether everybody has signed who had to.
    package var isSealed: Bool { outcome != nil && missingHeadSigners.isEmpty }

    /// Verifies a ceremony's directory; throws at the first thing that does not hold, and names it.
    ///
    /// `manifests` are those of the appliance, which a genesis needs none of. They are whoever's who gave them, unless the
    /// `anchor` says otherwise.
    package init(
        _ directory: CeremonyDirectory, manifests: [Manifest], anchor: TrustAnchor = .none
    ) throws(CustodyError) {
        let plan = try directory.loadPlan()
        let chain = manifests.isEmpty ? nil : try ManifestChain(verifying: manifests)
        let ceremony = try Ceremony(directory, plan: plan, manifest: try VerifiedCeremony.base(of: plan, chain))
        self.plan = plan
        self.anchor = anchor
        transcript = try directory.loadTranscript(plan: plan)
        guard transcript.tornBytes == 0 else {
            throw CustodyError(
                .malformed, "transcript: line \(transcript.lines.count + 1) is not whole; resume or abort the ceremony")
        }
        approvers = try ceremony.approvals().map(\.person)
        headSigners = try ceremony.headSigners(transcript)
        missingHeadSigners =
            TranscriptHead(plan: plan, transcript: transcript) == nil
            ? [] : ceremony.missingHeadSigners(headSigners)
        manifest = directory.exists(directory.manifest) ? try ceremony.signedManifest() : nil
        let installed = transcript.evidence(of: ManifestSteps.install)?.data["manifest_hash"]?.string
        genesis = plan.kind == .genesis ? installed : chain?.genesisHash
        try checkOpening(ceremony)
        try checkSteps()
        try checkManifest(ceremony, chain)
        try anchor.check(genesis: genesis, chain: chain)
    }

    /// The manifest that was in force when the plan was made.
    private static func base(of plan: CeremonyPlan, _ chain: ManifestChain?) throws(CustodyError) -> Manifest? {
        guard let reference = plan.manifest else { return nil }
        guard let chain else {
            throw CustodyError(
                .notChained,
                "the appliance's manifests are needed: --manifests DIRECTORY, a copy of manifests in the custody directory"
            )
        }
        guard let manifest = chain.manifests.first(where: { $0.hash == reference.hash }) else {
            throw CustodyError(
                .notChained, "the plan is for manifest \(reference.version), which is none of those that were given")
        }
        return manifest
    }

    /// The first lines say what was approved and by whom, as plan and signatures do.
    private func checkOpening(_ ceremony: Ceremony) throws(CustodyError) {
        guard let first = transcript.lines.first, first.event != .aborting else { return }
        guard first.event == .opened, first.data["plan"]?.string == plan.hash,
            first.data["appliance"]?.string == plan.appliance
        else { throw CustodyError(.malformed, "transcript line 1 does not open this plan's ceremony") }
        // Compared as written: the order of members says nothing.
        guard let dials = first.data["dials"],
            JSONWriter.canonical(dials) == JSONWriter.canonical(ceremony.authority.dials.json)
        else { throw CustodyError(.malformed, "transcript line 1 says other dials than the manifest in force") }
        try checkRehearsal(ceremony, said: first.data["rehearsal"]?.string)
        let named = transcript.lines.filter { $0.event == .approved }.compactMap { $0.data["by"]?.string }
        // Whoever died before the first step may have died over these lines too, and an abort adds none.
        let hasBegun = transcript.lines.contains { $0.event == .begun }
        let isWhole = named == approvers.map(\.name) && named.count >= ceremony.authority.threshold
        guard isWhole || (!hasBegun && approvers.map(\.name).starts(with: named)) else {
            throw CustodyError(
                .tooFew,
                "the transcript says that \(named.joined(separator: ", ")) approved; signatures are there of "
                    + approvers.map(\.name).joined(separator: ", "))
        }
    }

    /// Where the plan demands a rehearsal there was one, and the copy that is there is the one that the transcript means.
    private func checkRehearsal(_ ceremony: Ceremony, said: String?) throws(CustodyError) {
        guard plan.rehearsal == .waived || said != "waived" else {
            throw CustodyError(.malformed, "the plan demands a rehearsal, and the transcript says that there was none")
        }
        let directory = ceremony.directory.rehearsal
        guard said != "waived", directory.exists(directory.transcript) else { return }
        guard ceremony.rehearsalHead == said else {
            throw CustodyError(
                .malformed, "rehearsal/ holds another rehearsal than the transcript means, or a changed one")
        }
    }

    /// Every step was begun before it was done, and all were done that the opening names.
    private func checkSteps() throws(CustodyError) {
        var open: String?
        for line in transcript.lines {
            switch line.event {
            case .begun: open = line.step
            case .done where line.step != open:
                throw CustodyError(
                    .malformed,
                    "transcript line \(line.sequence): \(line.step ?? "a step") was done without having begun")
            default: break
            }
        }
        let promised = transcript.lines.first?.data["steps"]?.strings ?? []
        guard outcome != .completed || transcript.done == promised else {
            let missing = promised.filter { !transcript.done.contains($0) }
            throw CustodyError(
                .malformed, "the ceremony says it completed, without these steps: \(missing.joined(separator: ", "))")
        }
    }

    /// What the transcript says was installed is the manifest that is there, with a quorum's signatures.
    private func checkManifest(_ ceremony: Ceremony, _ chain: ManifestChain?) throws(CustodyError) {
        guard let said = transcript.evidence(of: ManifestSteps.install)?.data["manifest_hash"]?.string else { return }
        guard let manifest, manifest.hash == said else {
            throw CustodyError(.malformed, "manifest.json is not the manifest that the transcript says was installed")
        }
        if let wait = try ceremony.waitForManifest() {
            throw CustodyError(
                .tooFew, "the installed manifest lacks signatures: \(wait.missing.joined(separator: ", "))")
        }
        if let same = chain?.manifests.first(where: { $0.version == manifest.version }), same.hash != manifest.hash {
            throw CustodyError(
                .notChained, "the manifest that it brought is not version \(manifest.version) of those that were given")
        }
    }
}
