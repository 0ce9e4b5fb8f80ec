import ArgumentParser
import Foundation
import VaultAppliance

/// `publish`: key set and metadata as files, to host where they stay up when the appliance is sealed.
struct Publish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the JWKS and the metadata as static files.",
        discussion: "Each file is replaced whole, so a web server may serve the directory meanwhile.")

    @OptionGroup var options: ConfigurationOption
    @Argument(help: "The directory; .well-known is made inside it.", completion: .directory) var directory: String

    func run() async throws {
        let configuration = try Configuration.load(file: options.config)
        let keys = KeyDirectory(issuer: configuration.issuer)
        keys.update(try await AdminClient.describe(socket: configuration.core.adminSocket))
        let documents = PublicDocuments(configuration: configuration, keys: keys)
        for path in RouteTable.documentPaths {
            guard let document = documents.document(path) else { continue }
            let file = URL(filePath: directory).appending(path: String(path.dropFirst()))
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(document.body).write(to: file, options: .atomic)
            print(file.path)
        }
    }
}
