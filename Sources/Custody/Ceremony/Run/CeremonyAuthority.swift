import StrictEncoding

/// Who may approve a ceremony: the custodians of the manifest in force; for a genesis those whom the plan enrols.
package struct CeremonyAuthority: Sendable, Equatable {
    package let custodians: [Manifest.Person]
    package let threshold: Int
    /// What a quorum has relaxed while the ceremony is held.
    package let dials: Manifest.Dials
    /// The manifest in force; nil before a genesis.
    package let manifest: CeremonyPlan.ManifestReference?
    /// The appliance; nil before a genesis, whose plan draws it.
    package let appliance: String?

    /// The custodians of the manifest in force.
    package init(_ manifest: Manifest) {
        custodians = manifest.custodians
        threshold = Int(manifest.threshold)
        dials = manifest.dials
        self.manifest = CeremonyPlan.ManifestReference(manifest)
        appliance = manifest.appliance
    }

    /// The custodians whom a genesis enrols.
    package init(_ plan: GenesisPlan) {
        custodians = plan.people.custodians
        threshold = Int(plan.people.threshold)
        dials = plan.people.dials
        manifest = nil
        appliance = nil
    }

    /// Whose word counts for a plan: throws when the plan is for another appliance or another manifest.
    package init(for plan: CeremonyPlan, manifest: Manifest?) throws(CustodyError) {
        switch (plan.parameters, manifest) {
        case (.genesis(let genesis), nil): self.init(genesis)
        case (.genesis, _?):
            throw CustodyError(.stale, "there is a manifest: an appliance has one genesis")
        case (_, nil): throw CustodyError(.stale, "there is no manifest: hold the genesis first")
        case (_, let manifest?):
            guard manifest.custody == .quorum else {
                throw CustodyError(.unsupported, "the manifest in force is not under quorum custody")
            }
            guard plan.appliance == manifest.appliance else {
                throw CustodyError(.foreign, "the plan is for another appliance (\(plan.appliance))")
            }
            self.init(manifest)
        }
    }

    /// The manifest must still be the one that the plan was made for, until the ceremony itself installs another.
    package func check(_ plan: CeremonyPlan) throws(CustodyError) {
        guard plan.manifest == manifest else {
            throw CustodyError(
                .stale,
                "the plan is for manifest \(plan.manifest?.version ?? 0), but manifest \(manifest?.version ?? 0) is in "
                    + "force: make a new plan and have it approved")
        }
    }

    /// Who signed the plan; an approval of anything else is refused and named.
    package func approver(of plan: CeremonyPlan, signature: String) throws(CustodyError) -> Manifest.Person {
        do {
            return try Quorum.signer(of: plan.bytes, signature: signature, for: .plan, among: custodians)
        } catch {
            guard error.code == .badSignature else { throw error }
            throw CustodyError(
                .badSignature,
                "it is no approval of the plan with the words \(plan.words): the signature is over another plan, or the "
                    + "plan was changed after it")
        }
    }
}
