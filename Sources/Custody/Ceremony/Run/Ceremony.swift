package import StrictEncoding

/// A ceremony as its files tell it: plan, approvals, transcript, signatures.
///
/// Nothing is kept in memory between two looks.
package struct Ceremony: Sendable {
    package let directory: CeremonyDirectory
    package let plan: CeremonyPlan
    package let authority: CeremonyAuthority

    /// Opens a ceremony; `manifest` is the one that was in force when it was planned, nil for a genesis.
    package init(_ directory: CeremonyDirectory, manifest: Manifest?) throws(CustodyError) {
        plan = try directory.loadPlan()
        authority = try CeremonyAuthority(for: plan, manifest: manifest)
        self.directory = directory
    }

    /// Opens a ceremony of which the plan is known.
    package init(_ directory: CeremonyDirectory, plan: CeremonyPlan, manifest: Manifest?) throws(CustodyError) {
        self.plan = plan
        authority = try CeremonyAuthority(for: plan, manifest: manifest)
        self.directory = directory
    }

    /// Who has approved, each signature checked anew; one that does not hold refuses the ceremony.
    package func approvals() throws(CustodyError) -> [(person: Manifest.Person, signature: String)] {
        var found: [(person: Manifest.Person, signature: String)] = []
        for (name, bytes) in try directory.contents(of: directory.approvals, ending: ".sig") {
            let signature = String(decoding: bytes, as: UTF8.self)
            let person: Manifest.Person
            do {
                person = try authority.approver(of: plan, signature: signature)
            } catch {
                throw CustodyError(error.code, "approvals/\(name).sig: \(error.reason)")
            }
            guard person.name == name else {
                throw CustodyError(.foreign, "approvals/\(name).sig: is \(person.name)'s; one person counts once")
            }
            found.append((person, signature))
        }
        return found
    }

    /// Refuses what must not begin: too few approvals, another manifest, a plan whose time is over.
    package func checkApproved(now: UnixTime) throws(CustodyError) -> [Manifest.Person] {
        try authority.check(plan)
        try checkTime(now)
        let names = try approvals().map(\.person)
        guard names.count >= authority.threshold else {
            let missing = authority.custodians.map(\.name).filter { name in !names.contains { $0.name == name } }
            throw CustodyError(
                .tooFew,
                "\(authority.threshold) custodians must have approved, \(names.count) have; missing: "
                    + missing.joined(separator: ", "))
        }
        guard plan.rehearsal == .waived || isRehearsed else {
            throw CustodyError(.wrongState, "the plan was not rehearsed: ceremony rehearse comes first")
        }
        return names
    }

    /// Refuses a plan before and after its time; a clock that was set back shows as a plan that is to come.
    package func checkTime(_ now: UnixTime) throws(CustodyError) {
        guard now < plan.expires else {
            throw CustodyError(
                .expired,
                "the plan and its approvals ended at \(plan.expires.rfc3339): make a new plan, or abort this one")
        }
        guard plan.created <= now.adding(seconds: 300) else {
            throw CustodyError(
                .malformed, "the plan is dated \(plan.created.rfc3339), which is to come: check the clock")
        }
    }

    /// Whether a rehearsal of exactly this plan ran to its end.
    package var isRehearsed: Bool { rehearsalHead != nil }

    /// The hash of the rehearsal's last line; nil when there is none of this plan that completed.
    package var rehearsalHead: String? {
        let rehearsal = directory.rehearsal
        guard let bytes = try? PrivateFile.readPublic(rehearsal.file("of.txt"), limit: 128),
            bytes == Array("\(plan.hash)\n".utf8), let stand = try? rehearsal.loadPlan(),
            let transcript = try? rehearsal.loadTranscript(plan: stand), transcript.phase == .completed
        else { return nil }
        return transcript.head
    }

    /// Where the ceremony is in its life.
    package func state(now: UnixTime) throws(CustodyError) -> CeremonyState {
        let transcript = try directory.loadTranscript(plan: plan)
        switch transcript.phase {
        case .completed, .aborted:
            if try isSealed(transcript) { return .sealed }
            return transcript.phase == .completed ? .completed : .aborted
        case .between, .within, .aborting:
            return now < plan.expires || transcript.goesForwardOnly(plan.kind) ? .running : .expired
        case .unopened: break
        }
        if now >= plan.expires { return .expired }
        if try approvals().count >= authority.threshold, plan.rehearsal == .waived || isRehearsed { return .approved }
        return isRehearsed ? .rehearsed : .draft
    }

    private func isSealed(_ transcript: Transcript) throws(CustodyError) -> Bool {
        let signers = try headSigners(transcript)
        return missingHeadSigners(signers).isEmpty
    }
}
