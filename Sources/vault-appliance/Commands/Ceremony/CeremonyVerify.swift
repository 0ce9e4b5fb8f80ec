import ArgumentParser
import Custody
import Foundation
import StrictEncoding

/// `ceremony verify`: checks a ceremony's directory, offline.
struct CeremonyVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check a ceremony's directory offline: plan, approvals, every line, the head's signatures.",
        discussion: """
            Needs no appliance and no key, but for any kind but genesis the appliance's manifests: by default those in the \
            directory 'manifests' that lies beside the ceremony's directory, or beside the 'ceremonies' it is in.

            Everything is held against these manifests, and so against the people whom they name. Whether they are the \
            appliance's says the genesis hash that was written down in the first ceremony: give it with --genesis, or be a \
            custodian, whose directory remembers it (--home). Without either compare the hash that is shown by eye.

            What does not hold is named, with the line. With --text or --html it also writes the report that people read and \
            sign. Exits 0 when everything holds and the ceremony is sealed, 2 when \
            everything holds but signatures of the head are missing or the ceremony has not ended, 1 else.
            """)

    @Argument(help: "The ceremony's directory, or a copy of it.", completion: .directory) var directory: String
    @Option(
        help: "Directory of the appliance's manifests (1.json, 2.json, ...); a genesis needs none.",
        completion: .directory)
    var manifests: String?
    // base64url: it may begin with a hyphen.
    @Option(
        parsing: .unconditional,
        help: "The genesis hash, or its words, as they were written down in the first ceremony.")
    var genesis: String?
    @Option(
        help: "The directory of a custodian who accepted the appliance; by default ~/.vault-custodian, if it knows it.",
        completion: .directory)
    var home: String?
    @Option(help: "Write the report for people as a page that prints well.", completion: .file()) var html: String?
    @Option(help: "Write the report for people as text.", completion: .file()) var text: String?
    @Flag(help: "Print JSON for machines.") var json = false

    func validate() throws {
        guard genesis == nil || home == nil else { throw ValidationError("give --genesis or --home") }
    }

    func run() async throws {
        let place = CeremonyDirectory(path: Self.absolute(directory))
        let verified = try VerifiedCeremony(
            place, manifests: try chain(), anchor: try anchor(of: try place.loadPlan().appliance))
        let report = CeremonyReport(verified)
        if let html { try PrivateFile.create(html, Array(report.html.utf8)) }
        if let text { try PrivateFile.create(text, Array(report.text.utf8)) }
        if json { Terminal.print(json: report.json) } else { report.summary.forEach { Terminal.say($0, hanging: 11) } }
        guard verified.isSealed else { throw ExitCode(2) }
    }

    /// What vouches for the manifests; a custodian's own directory does unasked.
    private func anchor(of appliance: String) throws -> TrustAnchor {
        if let genesis { return .genesis(genesis) }
        var option = CustodianHomeOption()
        option.home = home
        if let pin = try option.value.pin(of: appliance) { return .pin(pin) }
        guard home == nil else {
            throw CommandFailure("--home: the appliance \(appliance) was never accepted there")
        }
        return .none
    }

    private func chain() throws -> [Manifest] {
        guard let place = manifests ?? usualPlace else { return [] }
        let found = try PrivateFile.names(in: place).filter { $0.hasSuffix(".json") }
        guard !found.isEmpty else { throw CommandFailure("--manifests: \(place) holds no manifest") }
        return try found.map { try CustodyDirectory.readManifest("\(place)/\($0)") }
    }

    /// Beside `ceremonies`, as in a custody directory, or beside the ceremony's own directory.
    private var usualPlace: String? {
        let place = URL(filePath: Self.absolute(directory))
        let above = [place.deletingLastPathComponent().deletingLastPathComponent(), place.deletingLastPathComponent()]
        return above.map { $0.appending(path: "manifests").path }.first {
            FileManager.default.fileExists(atPath: $0 + "/1.json")
        }
    }

    /// The name of the directory says which plan it is for.
    private static func absolute(_ path: String) -> String { URL(filePath: path).standardizedFileURL.path }
}
