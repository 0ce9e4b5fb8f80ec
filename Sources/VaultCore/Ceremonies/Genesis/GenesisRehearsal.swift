import AuditLog
package import Custody
import Foundation
import Glibc
import HSMBridge
import StrictEncoding

/// A genesis on a throw-away SoftHSM with throw-away custodians: the same steps, and a transcript to look at before.
///
/// For a process that does nothing else: PKCS#11 libraries are configured by the environment, once.
package struct GenesisRehearsal {
    /// Somebody whose keys live as long as the rehearsal.
    private struct StandIn {
        let name: String
        let ssh: SSHPrivateKey
        let age: AgeIdentity

        init(_ name: String) throws(CustodyError) {
            self.name = name
            (ssh, age) = (try SSHPrivateKey(), try AgeIdentity())
        }

        func person(isCustodian: Bool) -> Manifest.Person {
            Manifest.Person(
                name: name, sshKey: ssh.publicKey.line, ageRecipient: isCustodian ? age.recipient.description : nil)
        }
    }

    private let ceremony: Ceremony
    private let site: GenesisSite
    private let softHSM: String

    /// A rehearsal of a planned genesis; `softHSM` is the path of the library.
    package init(_ ceremony: Ceremony, site: GenesisSite, softHSM: String) {
        self.ceremony = ceremony
        self.site = site
        self.softHSM = softHSM
    }

    /// Where Debian, Ubuntu and others put SoftHSM; nil when it is at none of these places.
    package static var installedSoftHSM: String? {
        [
            "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
            "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so",
        ].first { FileManager.default.fileExists(atPath: $0) }
    }

    /// Runs every step; an earlier rehearsal of this ceremony is replaced.
    package func run(progress: (CeremonyProgress) -> Void) async throws -> CeremonyProgress {
        guard case .genesis(let plan) = ceremony.plan.parameters else {
            throw CustodyError(.unsupported, "this rehearses a genesis alone")
        }
        let place = NSTemporaryDirectory() + "/vault-rehearsal-" + Hexadecimal.string(Self.random(8))
        try PrivateFile.makeDirectory(place)
        defer { try? FileManager.default.removeItem(atPath: place) }
        try Self.prepareSoftHSM(place)
        let custodians = try plan.people.custodians.map { try StandIn($0.name) }
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
        _ runner: CeremonyRunner, _ custodians: [StandIn], _ report: (CeremonyProgress) -> Void
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

    private func sign(_ ceremony: Ceremony, _ bytes: [UInt8], _ purpose: SignaturePurpose, _ person: StandIn) throws {
        let signature = try person.ssh.sign(bytes, namespace: purpose.namespace)
        _ = try ceremony.accept(signature: signature, now: site.clock())
    }

    private func contribute(_ person: StandIn, _ directory: CeremonyDirectory) throws {
        let request = try ActivationRequest(file: try PrivateFile.readPublic(directory.file("request/request.json")))
        let file = try PrivateFile.readPublic("\(directory.shares)/\(person.name).age")
        let share = try Share(decoding: try AgeFile.decrypt(file, with: person.age))
        let answer = try AgeFile.encrypt(share.encoded, to: [try AgeRecipient(request.recipient)])
        let signature = try person.ssh.sign(
            answer, namespace: SignaturePurpose.contribution(request: request.hash).namespace)
        let path = directory.file("request/\(person.name).age")
        try PrivateFile.replace(path, answer)
        try PrivateFile.replace("\(path).sig", Array(signature.utf8))
    }
}

extension GenesisRehearsal {
    private static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    private static func prepareSoftHSM(_ place: String) throws {
        try PrivateFile.makeDirectory("\(place)/tokens")
        let text = """
            directories.tokendir = \(place)/tokens
            objectstore.backend = file
            log.level = ERROR
            slots.removable = false
            library.reset_on_fork = true

            """
        try PrivateFile.create("\(place)/softhsm2.conf", Array(text.utf8))
        // Safety: commands run on one thread at this point, and the library is loaded afterwards.
        guard unsafe setenv("SOFTHSM2_CONF", "\(place)/softhsm2.conf", 1) == 0 else {
            throw CustodyError(.systemRefused, "SOFTHSM2_CONF cannot be set (errno \(errno))")
        }
    }

    /// The plan with throw-away tokens and custodians; everything else as it was written.
    private func standInPlan(
        _ plan: GenesisPlan, _ custodians: [StandIn], _ place: String
    ) async throws -> CeremonyPlan {
        var genesis = plan
        genesis.people.custodians = custodians.map { $0.person(isCustodian: true) }
        for index in genesis.people.approvers.indices {
            genesis.people.approvers[index] = try StandIn(genesis.people.approvers[index].name).person(
                isCustodian: false)
        }
        for index in genesis.tokens.indices {
            genesis.tokens[index] = try await standInToken(genesis.tokens[index], index, place)
        }
        var whole = ceremony.plan
        whole.parameters = .genesis(genesis)
        whole.witnesses = try whole.witnesses.map { try StandIn($0.name).person(isCustodian: false) }
        whole.rehearsal = .waived
        return whole
    }

    private func standInToken(_ planned: PlannedToken, _ index: Int, _ place: String) async throws -> PlannedToken {
        var token = planned
        let label = (try TokenURI(planned.uri)).token ?? "rehearsal-\(index + 1)"
        token.module = softHSM
        token.uri = TokenURI(label: label).description
        token.soPINFile = "\(place)/so-pin-\(index + 1)"
        let officer = try Genesis.randomPIN(longest: 32)
        try PrivateFile.create(token.soPINFile ?? "", officer)
        guard planned.preparation == .adopt else { return token }
        let user = try Genesis.randomPIN(longest: 32)
        token.pinFile = "\(place)/pin-\(index + 1)"
        try PrivateFile.create(token.pinFile ?? "", user)
        _ = try await site.child.run(.initialise(label: label), module: softHSM, secrets: [officer, user])
        return token
    }

    private func standInSite(_ plan: CeremonyPlan, _ place: String) throws -> GenesisSite {
        guard case .genesis(let genesis) = plan.parameters else {
            throw CustodyError(.unsupported, "this rehearses a genesis alone")
        }
        var settings = site.settings
        settings.custodyDirectory = "\(place)/custody"
        settings.logDirectory = "\(place)/log"
        settings.logOptions.lastCheckpointFile = nil
        settings.tokens = genesis.tokens.enumerated().map { index, token in
            CoreSettings.Token(field: "rehearsal[\(index)]", module: token.module, uri: token.uri, pinFile: nil)
        }
        return try GenesisSite(
            settings: settings, child: site.child, clock: site.clock, build: site.build, ask: site.ask)
    }
}
