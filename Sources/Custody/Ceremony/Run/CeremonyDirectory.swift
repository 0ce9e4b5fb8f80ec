internal import CVaultSystem
internal import Glibc

/// The files of one ceremony: everything there is to know of it, created once each and made durable.
package struct CeremonyDirectory: Sendable, Equatable {
    /// Absolute path.
    package let path: String

    /// A ceremony's directory, which may not be there yet.
    package init(path: String) { self.path = path }

    /// The ceremony with this id among those of an appliance.
    package init(root: String, id: String) throws(CustodyError) {
        guard CeremonyPlan.isID(id) else {
            throw CustodyError(.malformed, "\(id.prefix(80)) is no ceremony's id: it looks like genesis-0123456789ab")
        }
        self.init(path: "\(root)/\(id)")
    }

    /// A file or folder in it.
    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// The plan.
    package var plan: String { file("plan.json") }
    /// The transcript.
    package var transcript: String { file("transcript.jsonl") }
    /// The transcript's head, once there is one.
    package var head: String { file("head.json") }
    /// The manifest that custodians are to sign, without signatures.
    package var manifest: String { file("manifest.json") }
    /// One age file a custodian, named after the custodian.
    package var shares: String { file("shares") }
    /// One approval of the plan a custodian.
    package var approvals: String { file("approvals") }
    /// Signatures of the manifest and of the head.
    package var signatures: String { file("signatures") }
    /// The rehearsal, a ceremony's directory of its own.
    package var rehearsal: CeremonyDirectory { CeremonyDirectory(path: file("rehearsal")) }
    /// Results that steps hand to later ones; no secret.
    package var work: String { file("work") }

    /// The folders that every ceremony has.
    var folders: [String] { [approvals, signatures, shares, work] }

    /// Makes the directory of a new ceremony, with its plan.
    package static func create(root: String, plan: CeremonyPlan) throws(CustodyError) -> CeremonyDirectory {
        let directory = try CeremonyDirectory(root: root, id: plan.id)
        try PrivateFile.makeDirectory(root)
        for folder in [directory.path] + directory.folders { try PrivateFile.makeDirectory(folder) }
        try PrivateFile.create(directory.plan, plan.bytes)
        try PrivateFile.syncDirectory(directory.path)
        try PrivateFile.syncDirectory(root)
        return directory
    }

    /// The plan; one that is not what the directory is named after was changed.
    package func loadPlan() throws(CustodyError) -> CeremonyPlan {
        let plan = try CeremonyPlan(file: try PrivateFile.readPublic(self.plan, limit: CeremonyPlan.maximumBytes))
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        guard plan.id == name || name == "rehearsal" else {
            throw CustodyError(
                .foreign, "\(self.plan): is not the plan that this ceremony was opened with; restore it, or abort")
        }
        return plan
    }

    /// The transcript; an empty one before the ceremony has begun.
    package func loadTranscript(plan: CeremonyPlan) throws(CustodyError) -> Transcript {
        guard exists(transcript) else { return Transcript(plan: plan.hash) }
        return try Transcript(
            plan: plan.hash, file: try PrivateFile.readPublic(transcript, limit: Transcript.maximumBytes))
    }

    /// Whether a file is there.
    package func exists(_ path: String) -> Bool {
        // Safety: the string lives through the call.
        unsafe access(path, F_OK) == 0
    }

    /// The contents of the files with an ending in a folder of it, by their names without it, sorted.
    package func contents(of folder: String, prefix: String = "", ending: String) throws(CustodyError) -> [(
        name: String, bytes: [UInt8]
    )] {
        var found: [(String, [UInt8])] = []
        for name in try PrivateFile.names(in: folder)
        where name.hasPrefix(prefix) && name.hasSuffix(ending)
            && name.utf8.count > prefix.utf8.count + ending.utf8.count
        {
            let bytes = try PrivateFile.readPublic("\(folder)/\(name)")
            found.append((String(name.dropFirst(prefix.count).dropLast(ending.count)), bytes))
        }
        return found.sorted { $0.0 < $1.0 }
    }
}
