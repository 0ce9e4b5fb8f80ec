import AuditLog
package import Custody
import Foundation
import HSMBridge
import StrictEncoding

/// A genesis on a throw-away SoftHSM with throw-away custodians: the same steps, and a transcript to look at before.
///
/// For a process that does nothing else: PKCS#11 libraries are configured by the environment, once.
package struct GenesisRehearsal {
    private let ceremony: Ceremony
    private let site: GenesisSite
    private let softHSM: String

    /// A rehearsal of a planned genesis; `softHSM` is the path of the library.
    package init(_ ceremony: Ceremony, site: GenesisSite, softHSM: String) {
        self.ceremony = ceremony
        self.site = site
        self.softHSM = softHSM
    }

    /// Runs every step; an earlier rehearsal of this ceremony is replaced.
    package func run(progress: (CeremonyProgress) -> Void) async throws -> CeremonyProgress {
        guard case .genesis(let plan) = ceremony.plan.parameters else {
            throw CustodyError(.unsupported, "this rehearses a genesis alone")
        }
        let place = try RehearsalPlace(softHSM: softHSM)
        defer { place.remove() }
        let custodians = try plan.people.custodians.map { try RehearsalStandIn($0.name) }
        let standIn = try await standInPlan(plan, custodians, place)
        let directory = ceremony.directory.rehearsal
        try? FileManager.default.removeItem(atPath: directory.path)
        for folder in [directory.path, directory.approvals, directory.signatures, directory.shares, directory.work] {
            try PrivateFile.makeDirectory(folder)
        }
        try PrivateFile.create(directory.plan, standIn.bytes)
        let stage = try Ceremony(directory, manifest: nil)
        let genesis = try Genesis(stage, site: try standInSite(standIn, place))
        let outcome: CeremonyProgress
        do {
            outcome = try await play(genesis.runner(), custodians, progress)
            await genesis.close()
        } catch {
            await genesis.close()
            throw error
        }
        try PrivateFile.create(directory.file("of.txt"), Array("\(ceremony.plan.hash)\n".utf8))
        try PrivateFile.syncDirectory(directory.path)
        return outcome
    }

    /// Plays everybody's part until the ceremony has ended.
    private func play(
        _ runner: CeremonyRunner, _ custodians: [RehearsalStandIn], _ report: (CeremonyProgress) -> Void
    ) async throws -> CeremonyProgress {
        let quorum = custodians.prefix(runner.ceremony.authority.threshold)
        for person in quorum {
            try sign(runner.ceremony, runner.ceremony.plan.bytes, .plan, person)
        }
        while true {
            let progress = try await runner.advance()
            report(progress)
            if progress.state.isOver { return progress }
            guard let wait = progress.waiting else { continue }
            if wait.isLive {
                for person in quorum { try contribute(person, runner.ceremony.directory) }
            } else {
                let body = try runner.ceremony.draftedManifest().bodyBytes
                for person in quorum { try sign(runner.ceremony, body, .manifest, person) }
            }
        }
    }

    private func sign(_ ceremony: Ceremony, _ bytes: [UInt8], _ purpose: SignaturePurpose, _ person: RehearsalStandIn)
        throws
    {
        let signature = try person.sign(bytes, purpose)
        _ = try ceremony.accept(signature: signature, now: site.clock())
    }

    private func contribute(_ person: RehearsalStandIn, _ directory: CeremonyDirectory) throws {
        let request = try ActivationRequest(file: try PrivateFile.readPublic(directory.file("request/request.json")))
        let share = try person.open(try PrivateFile.readPublic("\(directory.shares)/\(person.name).age"))
        let (answer, signature) = try person.contribution(try Share(decoding: share).encoded, to: request)
        let path = directory.file("request/\(person.name).age")
        try PrivateFile.replace(path, answer)
        try PrivateFile.replace("\(path).sig", Array(signature.utf8))
    }
}

extension GenesisRehearsal {
    /// The plan with throw-away tokens and custodians; everything else as it was written.
    private func standInPlan(
        _ plan: GenesisPlan, _ custodians: [RehearsalStandIn], _ place: RehearsalPlace
    ) async throws -> CeremonyPlan {
        var genesis = plan
        genesis.people.custodians = custodians.map { $0.person(isCustodian: true) }
        for index in genesis.people.approvers.indices {
            genesis.people.approvers[index] = try RehearsalStandIn(genesis.people.approvers[index].name).person(
                isCustodian: false)
        }
        for index in genesis.tokens.indices {
            genesis.tokens[index] = try await place.standIn(
                genesis.tokens[index], number: index + 1, child: site.child)
        }
        genesis.keys = genesis.keys.map(RehearsalPlace.playable)
        var whole = ceremony.plan
        whole.parameters = .genesis(genesis)
        whole.witnesses = try whole.witnesses.map { try RehearsalStandIn($0.name).person(isCustodian: false) }
        whole.rehearsal = .waived
        return whole
    }

    private func standInSite(_ plan: CeremonyPlan, _ place: RehearsalPlace) throws -> GenesisSite {
        guard case .genesis(let genesis) = plan.parameters else {
            throw CustodyError(.unsupported, "this rehearses a genesis alone")
        }
        var settings = site.settings
        settings.custodyDirectory = "\(place.path)/custody"
        settings.logDirectory = "\(place.path)/log"
        settings.logOptions.lastCheckpointFile = nil
        for index in settings.keys.indices {
            settings.keys[index].algorithm = RehearsalPlace.playable(settings.keys[index].algorithm)
        }
        settings.tokens = genesis.tokens.enumerated().map { index, token in
            CoreSettings.Token(field: "rehearsal[\(index)]", module: token.module, uri: token.uri, pinFile: nil)
        }
        return try GenesisSite(
            settings: settings, child: site.child, clock: site.clock, build: site.build, ask: site.ask)
    }
}
