import Custody
import StrictEncoding

extension CoreCeremony {
    /// The folders whose files people may need; nothing of them is secret, and shares are encrypted to their custodians.
    private static let folders: Set<String> = ["request", "approvals", "signatures", "shares", "work"]

    /// Whether a name may be one of a ceremony's files.
    static func isReadable(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard let last = parts.last, parts.count == 1 || (parts.count == 2 && folders.contains(String(parts[0]))) else {
            return false
        }
        return Manifest.isName(String(last)) && !["lock", "recorded"].contains(last) && !last.hasSuffix(".pem")
    }

    /// The files that people may read.
    func files() throws -> [String] {
        var names = try PrivateFile.names(in: directory.path).filter {
            !CoreCeremony.folders.contains($0) && $0 != "rehearsal"
        }
        for folder in CoreCeremony.folders.sorted() {
            names += try PrivateFile.names(in: directory.file(folder)).map { "\(folder)/\($0)" }
        }
        return names.filter { CoreCeremony.isReadable($0) && $0 != "request/manifests" }
    }

    /// Stores approvals that are not there yet.
    func take(_ approvals: [String]) throws {
        guard try directory.loadTranscript(plan: plan).phase == .unopened else { return }
        let known = Set(try ceremony.approvals().map(\.person.name))
        for approval in approvals {
            let name = try ceremony.authority.approver(of: plan, signature: approval).name
            if !known.contains(name) { _ = try ceremony.accept(signature: approval, now: now) }
        }
    }

    /// Whether the manifest that the ceremony has drafted is in force; where it cannot be read, the one that came since counts.
    var isInstalled: Bool {
        let snapshot = core.inForce.current
        guard let hash = (try? ceremony.draftedManifest())?.hash else {
            let transcript = try? directory.loadTranscript(plan: plan)
            return snapshot.hash != base.hash && (transcript?.touched.contains(ManifestSteps.install) ?? true)
        }
        return snapshot.chain?.manifests.contains { $0.hash == hash } ?? false
    }

    /// Refuses to abort what could not be taken back and would leave a token that nobody can open.
    func checkAbortable() throws {
        guard case .rotateEpoch = plan.parameters else { return }
        try checkRotationAbortable()
    }
}

/// A rehearsal that somebody held elsewhere: its plan and its transcript.
struct Rehearsal: Sendable {
    private let plan: [UInt8]
    private let transcript: [UInt8]

    init(_ json: JSONValue, path: String) throws(SchemaFault) {
        var reader = try ObjectReader(json, path: path)
        plan = Array(try reader.string("plan").utf8)
        transcript = Array(try reader.string("transcript").utf8)
        try reader.finish()
    }

    /// Keeps it with the ceremony, in the place of an earlier one, after a look whether it took the same steps to their end.
    func store(for ceremony: CoreCeremony) throws {
        let directory = ceremony.directory.rehearsal
        let plan = try CeremonyPlan(file: plan)
        guard plan.kind == ceremony.plan.kind else {
            throw CustodyError(.foreign, "the rehearsal is of another kind of ceremony")
        }
        let transcript = try Transcript(plan: plan.hash, file: self.transcript)
        guard transcript.phase == .completed else {
            throw CustodyError(.wrongState, "the rehearsal did not run to its end")
        }
        let steps = try ceremony.runner().steps.map(\.name)
        guard transcript.lines.first?.data["steps"]?.strings == steps, transcript.done == steps else {
            throw CustodyError(
                .foreign,
                "the rehearsal did not take the steps of this ceremony: rehearse it with the build of the core")
        }
        try PrivateFile.makeDirectory(directory.path)
        // While it is written it counts for no plan.
        try PrivateFile.remove(directory.file("of.txt"))
        try PrivateFile.replace(directory.plan, plan.bytes)
        try PrivateFile.replace(directory.transcript, self.transcript)
        try PrivateFile.replace(directory.file("of.txt"), Array("\(ceremony.plan.hash)\n".utf8))
        try PrivateFile.syncDirectory(directory.path)
    }
}
