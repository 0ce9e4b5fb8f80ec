import Custody
import Foundation
import Testing
import VaultCore
import VaultTesting

@Suite(.timeLimit(.minutes(10))) struct StartFaultTests {
    @Test(
        "a fault stops the start with one line that names file, field and mend, and once mended the core starts",
        arguments: StartFault.all)
    func fault(_ fault: StartFault) async throws {
        try await CoreSite.withGenesis { site in
            let manifest = try site.manifest.jsonBytes
            var faulty = site
            try await fault.prepare(&faulty)
            let error = await #expect(throws: StartError.self) { _ = try await faulty.start() }
            let found = try #require(error)
            #expect(found.file == fault.file(faulty) && found.field == fault.field)
            #expect(found.problem.hasPrefix(fault.problem), "\(found.problem)")
            let field = fault.field.map { "\($0): " } ?? ""
            #expect(found.description == "\(found.file): \(field)\(found.problem). Mend: \(found.mend)")
            #expect(!found.mend.isEmpty && !found.description.contains("\n"))
            #expect(!found.description.contains(site.token.pin))
            // What the failed start had opened is closed again: else the token would be in use now.
            var mended = site
            mended.settings.logDirectory = site.directory + "/mended"
            try mended.replaceManifest(with: manifest)
            try await mended.start().shutdown()
        }
    }

    @Test func theVerifierKeyOfALogThatAnotherProcessHoldsIsLeftAlone() async throws {
        try await CoreSite.withGenesis { site in
            var faulty = site
            try await StartFault.heldLog.prepare(&faulty)
            let path = faulty.settings.logDirectory + ".vkey"
            try Data("another's".utf8).write(to: URL(filePath: path))
            await #expect(throws: StartError.self) { _ = try await faulty.start() }
            #expect(try Data(contentsOf: URL(filePath: path)) == Data("another's".utf8))
        }
    }
}
