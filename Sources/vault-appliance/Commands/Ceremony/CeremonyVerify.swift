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
            Needs no appliance and no key. What does not hold is named, with the line. With --text or --html it also writes \
            the report that people read and sign. Exits 0 when everything holds and the ceremony is sealed, 2 when \
            everything holds but signatures of the head are missing or the ceremony has not ended, 1 else.
            """)

    @Argument(help: "The ceremony's directory, or a copy of it.", completion: .directory) var directory: String
    @Option(
        help: "Directory of the appliance's manifests (1.json, 2.json, ...); a genesis needs none.",
        completion: .directory)
    var manifests: String?
    @Option(help: "Write the report for people as a page that prints well.", completion: .file()) var html: String?
    @Option(help: "Write the report for people as text.", completion: .file()) var text: String?
    @Flag(help: "Print JSON for machines.") var json = false

    func run() async throws {
        let verified = try VerifiedCeremony(CeremonyDirectory(path: Self.absolute(directory)), manifests: try chain())
        let report = CeremonyReport(verified)
        if let html { try PrivateFile.create(html, Array(report.html.utf8)) }
        if let text { try PrivateFile.create(text, Array(report.text.utf8)) }
        if json { Terminal.print(json: report.json) } else { report.summary.forEach { print($0) } }
        guard verified.isSealed else { throw ExitCode(2) }
    }

    private func chain() throws -> [Manifest] {
        guard let manifests else { return [] }
        return try PrivateFile.names(in: manifests).filter { $0.hasSuffix(".json") }.map {
            try CustodyDirectory.readManifest("\(manifests)/\($0)")
        }
    }

    /// The name of the directory says which plan it is for.
    private static func absolute(_ path: String) -> String { URL(filePath: path).standardizedFileURL.path }
}
