import AuditLog
import CoreProtocol
import Custody
import Logging
import StrictEncoding

extension VaultCore {
    /// Executes a command about ceremonies; nil when it is another one.
    ///
    /// Nothing is asked of who calls but that the socket lets him in: what matters is signed by people, and checked.
    func executeCeremony(
        _ command: String, _ reader: inout ObjectReader, user: UInt32
    ) async throws -> JSONValue? {
        guard CeremonyDesk.knows(command) else { return nil }
        do {
            switch command {
            case "ceremony-begin": return try await beginCeremony(&reader)
            case "ceremony-draft": return try await draftCeremony(&reader, user: user)
            case "ceremony-rehearsed": return try await keepRehearsal(&reader)
            case "ceremony-step": return try await stepCeremony(&reader)
            case "ceremony-contribute": return try await contributeToCeremony(&reader)
            case "ceremony-hand-in": return try await handIn(&reader)
            case "ceremony-abort": return try await abortCeremony(&reader)
            case "ceremony-status": return try await ceremonyStatus(&reader)
            case "ceremony-read": return try readCeremonyFile(&reader)
            default: return try await desk().execute(command, &reader, user: user)
            }
        } catch let error as CustodyError {
            throw CoreError(error)
        } catch let error as PlanError {
            throw CoreError(.malformed, "plan: \(error)")
        } catch let error as StartError {
            throw CoreError(.refused, "\(error)")
        }
    }

    /// The desk for what is the same for every process that holds ceremonies.
    private func desk() throws -> CeremonyDesk {
        CeremonyDesk(
            .init(
                root: try quorum().directory.ceremonies,
                manifests: { self.inForce.current.chain?.manifests ?? [] },
                withRunner: { ceremony, body in
                    try await self.ceremonies.turns.take {
                        defer { self.ceremonies.forgetEmpty() }
                        return try await body(try CoreCeremony(ceremony.plan, in: self).runner())
                    }
                }, clock: clock, random: CoreCeremony.random))
    }

    /// How many plans may wait for approvals; whoever fills the disk with more fills it with nothing.
    private static let mostDrafts = 64

    /// `ceremony-draft`: a plan that a person wrote, to be approved here.
    private func draftCeremony(_ reader: inout ObjectReader, user: UInt32) async throws -> JSONValue {
        var drafts = 0
        for id in try PrivateFile.names(in: quorum().directory.ceremonies) where CeremonyPlan.isID(id) {
            // What was made for a manifest that is not in force any more cannot begin, and is in nobody's way.
            if let ceremony = try? CoreCeremony(id, in: self), (try? demandInForce(ceremony.plan)) != nil,
                [.draft, .rehearsed, .approved].contains(try ceremony.ceremony.state(now: clock()))
            {
                drafts += 1
            }
        }
        guard drafts < VaultCore.mostDrafts else {
            throw CustodyError(.wrongState, "\(drafts) plans wait to begin already: begin some, or let them expire")
        }
        return try await desk().execute("ceremony-draft", &reader, user: user)
    }

    /// `ceremony-step`: begins a ceremony that is approved, takes its next step, or ends it.
    private func stepCeremony(_ reader: inout ObjectReader) async throws -> JSONValue {
        let id = try reader.string("id")
        try reader.finish()
        return try await inTurn(id) { ceremony in
            if try ceremony.directory.loadTranscript(plan: ceremony.plan).phase == .unopened {
                try await self.demandAlone(ceremony.plan)
            }
            return try await ceremony.runner().advance().json
        }
    }

    /// Lets a call have the ceremony to itself, and forgets what is in memory of one that has ended.
    private func inTurn(
        _ id: String, _ body: @escaping @Sendable (CoreCeremony) async throws -> JSONValue
    ) async throws -> JSONValue {
        try await ceremonies.turns.take {
            let ceremony = try CoreCeremony(id, in: self)
            let answer = try await body(ceremony)
            if try ceremony.ceremony.state(now: ceremony.now).isOver { try await self.endCeremony(ceremony) }
            return answer
        }
    }

    /// `ceremony-begin`: a plan with the approvals of m custodians; opens the ceremony, or goes on where a crash left it.
    private func beginCeremony(_ reader: inout ObjectReader) async throws -> JSONValue {
        let file = Array(try reader.string("plan").utf8)
        let approvals = try reader.strings("approvals")
        let rehearsal = try reader.optional("rehearsal").map { try Rehearsal($0, path: "rehearsal") }
        try reader.finish()
        let plan = try CeremonyPlan(file: file)
        guard plan.kind.isInCore else {
            throw CustodyError(
                .unsupported, "\(plan.kind.rawValue) is held without a core: vault-appliance ceremony run")
        }
        return try await ceremonies.turns.take {
            let root = try self.quorum().directory.ceremonies
            let directory = try CeremonyDirectory(root: root, id: plan.id)
            if !directory.exists(directory.plan) {
                try self.admit(plan, approvals)
                // What cannot be held leaves no trace.
                defer { self.ceremonies.forgetEmpty() }
                _ = try CoreCeremony(plan, in: self).runner()
                _ = try CeremonyDirectory.create(root: root, plan: plan)
            }
            let ceremony = try CoreCeremony(plan.id, in: self)
            try ceremony.take(approvals)
            try rehearsal?.store(for: ceremony)
            guard try directory.loadTranscript(plan: plan).phase == .unopened else {
                return try ceremony.runner().progress().json
            }
            try await self.demandAlone(plan)
            self.logger.notice("a ceremony begins", metadata: ["ceremony": "\(plan.id)"])
            return try await ceremony.runner().advance().json
        }
    }

    /// `ceremony-rehearsed`: what a rehearsal elsewhere has brought, before the ceremony begins.
    private func keepRehearsal(_ reader: inout ObjectReader) async throws -> JSONValue {
        let id = try reader.string("id")
        let rehearsal = try Rehearsal(try reader.required("rehearsal"), path: "rehearsal")
        try reader.finish()
        return try await inTurn(id) { ceremony in
            guard try ceremony.directory.loadTranscript(plan: ceremony.plan).phase == .unopened else {
                throw CustodyError(.wrongState, "the ceremony has begun: a rehearsal comes before it")
            }
            try rehearsal.store(for: ceremony)
            return try ceremony.runner().progress().json
        }
    }

    /// Keeps nothing of a plan that must not begin: whoever has no quorum's approvals leaves no trace on the disk.
    private func admit(_ plan: CeremonyPlan, _ approvals: [String]) throws {
        let authority = try CeremonyAuthority(for: plan, manifest: inForce.current.signed)
        try authority.check(plan)
        guard clock() < plan.expires else {
            throw CustodyError(.expired, "the plan ended at \(plan.expires.rfc3339): make a new one")
        }
        var names: [String] = []
        for approval in approvals {
            let name = try authority.approver(of: plan, signature: approval).name
            guard !names.contains(name) else {
                throw CustodyError(.repeated, "\(name) has approved twice; one person counts once")
            }
            names.append(name)
        }
        guard names.count >= authority.threshold else {
            let missing = authority.custodians.map(\.name).filter { !names.contains($0) }
            throw CustodyError(
                .tooFew,
                "\(authority.threshold) custodians must have approved, \(names.count) have; missing: "
                    + missing.joined(separator: ", "))
        }
    }

    /// `ceremony-abort`: one custodian or approver ends a ceremony without its purpose, by a signed order that says why.
    private func abortCeremony(_ reader: inout ObjectReader) async throws -> JSONValue {
        let id = try reader.string("id")
        let (order, person) = try order(&reader, .abort)
        guard order.subject == id else {
            throw CustodyError(.foreign, "the order is about \(order.subject.prefix(80)), not about \(id)")
        }
        let answer = try await inTurn(id) { ceremony in
            try ceremony.checkAbortable()
            return try await ceremony.runner().abort(reason: order.reason, by: person).json
        }
        logger.notice("a ceremony was aborted", metadata: ["ceremony": "\(id)", "by": "\(person)"])
        return answer
    }
}
