import CoreProtocol
import Custody
import StrictEncoding

extension VaultCore {
    /// How much of a file goes into one answer, which must fit a frame.
    private static let pieceBytes = 512 << 10

    /// `ceremony-status`: where a ceremony stands, what it waits for, and what is in its way.
    func ceremonyStatus(_ reader: inout ObjectReader) async throws -> JSONValue {
        let id = try reader.string("id")
        try reader.finish()
        return try await ceremonies.turns.take {
            let ceremony = try CoreCeremony(id, in: self)
            let runner = try ceremony.runner()
            var progress = try runner.progress()
            var problem: String?
            if [.draft, .rehearsed, .approved].contains(progress.state) {
                do throws(CustodyError) { try self.demandInForce(ceremony.plan) } catch { problem = error.reason }
            }
            if progress.state == .running, let current = progress.current,
                let step = runner.steps.first(where: { $0.name == current.name })
            {
                do {
                    if case .waiting(let wait) = try await step.check() {
                        (progress.waiting, progress.canAdvance) = (wait, false)
                    }
                } catch {
                    problem = (error as? CustodyError)?.reason ?? "\(error)"
                }
            }
            var object = progress.json.object ?? JSONObject()
            object["problem"] = problem.map { .string($0) } ?? .null
            // The request as `activation-progress` gives one: with its file and the host key's signature.
            object["requests"] = .array((ceremony.memory.withLock { $0.desk }?.progress ?? []).map(\.json))
            object["files"] = .array(try ceremony.files().map { .string($0) })
            object["instance"] = .string(self.instance)
            return .object(object)
        }
    }

    /// `ceremony-read`: a piece of one of a ceremony's files, for people without access to the disk.
    func readCeremonyFile(_ reader: inout ObjectReader) throws -> JSONValue {
        let (id, name) = (try reader.string("id"), try reader.string("file"))
        let offset =
            reader.optional("offset") == nil ? 0 : try reader.integer("offset", in: 0...Int64(Transcript.maximumBytes))
        try reader.finish()
        let directory = try CeremonyDirectory(root: quorum().directory.ceremonies, id: id)
        guard CoreCeremony.isReadable(name), directory.exists(directory.file(name)) else {
            throw CustodyError(.fileRefused, "the ceremony has no file \(name.prefix(80)): see its status")
        }
        let bytes = try PrivateFile.readPublic(directory.file(name), limit: Transcript.maximumBytes)
        return [
            "file": .string(name), "size": .integer(Int64(bytes.count)),
            "content": .string(Base64URL.string(Array(bytes.dropFirst(Int(offset)).prefix(VaultCore.pieceBytes)))),
        ]
    }

    /// Ends ceremonies whose time ran out, so that none is in the way of others.
    private func endExpired() async throws {
        for (_, ceremony) in try openCeremonies() where try ceremony.ceremony.state(now: clock()) == .expired {
            // What is in force, or cannot be taken back, is finished by people, or ended by the order of one.
            guard !ceremony.isInstalled, (try? ceremony.checkAbortable()) != nil else { continue }
            _ = try await ceremony.runner().abort(reason: "its time ran out", by: "the appliance")
            try await endCeremony(ceremony)
        }
    }

    /// Refuses to begin what was planned and approved under another manifest than the one in force.
    func demandInForce(_ plan: CeremonyPlan) throws(CustodyError) {
        guard plan.manifest?.hash == inForce.current.hash else {
            throw CustodyError(
                .stale,
                "the plan is for manifest \(plan.manifest?.version ?? 0), but manifest \(inForce.current.signed.version) is "
                    + "in force: make a new plan and have it approved")
        }
    }

    /// Refuses a plan for another manifest, and a second ceremony that would change the manifest while one is under way.
    func demandAlone(_ plan: CeremonyPlan) async throws {
        try demandInForce(plan)
        guard plan.kind.changesManifest else { return }
        try await endExpired()
        for (id, ceremony) in try openCeremonies() where id != plan.id && ceremony.plan.kind.changesManifest {
            throw CustodyError(.wrongState, "the ceremony \(id) is under way: end it or abort it first")
        }
    }

    /// Ceremonies that have begun and not ended; what cannot be read is reported by `ceremony-status`.
    private func openCeremonies() throws -> [(String, CoreCeremony)] {
        let names = try PrivateFile.names(in: quorum().directory.ceremonies)
        return names.filter(CeremonyPlan.isID).compactMap { id in
            guard let ceremony = try? CoreCeremony(id, in: self),
                let transcript = try? ceremony.directory.loadTranscript(plan: ceremony.plan),
                ![.unopened, .completed, .aborted].contains(transcript.phase)
            else { return nil }
            return (id, ceremony)
        }
    }
}
