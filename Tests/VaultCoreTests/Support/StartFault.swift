import Custody
import Foundation
import StrictEncoding
import Testing
import VaultCore

/// Something wrong with a core's surroundings, and where the start must say it is.
struct StartFault: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// What the error's file must be.
    let file: @Sendable (CoreSite) -> String
    let field: String?
    /// How the error's problem must begin.
    let problem: String
    /// Brings the fault about.
    let prepare: @Sendable (inout CoreSite) async throws -> Void

    static var all: [StartFault] { modules + pins + tokens + manifests + keys + logs }

    static func configuration(
        _ name: String, _ field: String, _ problem: String,
        _ prepare: @escaping @Sendable (inout CoreSite) async throws -> Void
    ) -> StartFault {
        StartFault(
            testDescription: name, file: { $0.settings.configurationFile }, field: field, problem: problem,
            prepare: prepare)
    }

    static func manifest(
        _ name: String, _ field: String?, _ problem: String,
        _ prepare: @escaping @Sendable (inout CoreSite) throws -> Void
    ) -> StartFault {
        StartFault(
            testDescription: name, file: { $0.settings.manifestFile }, field: field, problem: problem, prepare: prepare)
    }

    static func log(
        _ name: String, _ problem: String, suffix: String = "",
        _ prepare: @escaping @Sendable (inout CoreSite) async throws -> Void
    ) -> StartFault {
        StartFault(
            testDescription: name, file: { $0.settings.logDirectory + suffix }, field: nil, problem: problem,
            prepare: prepare)
    }
}

extension CoreSite {
    func write(_ text: String, to path: String, mode: Int = 0o600) throws {
        let attributes: [FileAttributeKey: Any] = [.posixPermissions: mode]
        try #require(FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: attributes))
    }

    mutating func setPINFile(_ text: String, mode: Int = 0o600) throws {
        settings.tokens[0].pinFile = directory + "/pin"
        try write(text, to: directory + "/pin", mode: mode)
    }

    /// Changes the manifest in its place, as a person with an editor might.
    func changeManifest(_ change: (inout Manifest) throws -> Void) throws {
        var manifest = try manifest
        try change(&manifest)
        try replaceManifest(with: manifest.jsonBytes)
    }

    func changeManifestJSON(_ change: (inout JSONObject) -> Void) throws {
        var object = try #require(try JSONParser.parse(manifest.jsonBytes).object)
        change(&object)
        try replaceManifest(with: JSONWriter.canonical(.object(object)))
    }
}
