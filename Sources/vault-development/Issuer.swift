import ArgumentParser
import StrictEncoding
import VaultTesting

/// `issuer`: the keys of an identity provider.
struct Issuer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issuer",
        abstract: "Make an identity provider's keys: ES256, RS256, EdDSA and PS256.",
        discussion: "Writes NAME-es256.jwk and so on (private, mode 0600) and NAME-jwks.json (public).")

    @Argument(help: "Directory for the files; created if it is not there.", completion: .directory)
    var directory: String
    @Option(help: "What the files' names begin with.") var name: String

    func run() throws {
        // Neither name stands in a file: the tokens get theirs when they are minted.
        let issuer = try DevelopmentIssuer(issuer: name, audience: name)
        try OwnerOnlyFile.createDirectory(directory)
        for key in issuer.keys {
            let file = "\(directory)/\(name)-\(key.algorithm.rawValue.lowercased()).jwk"
            try OwnerOnlyFile.create(file, Self.line(try key.privateJWK))
        }
        try OwnerOnlyFile.create("\(directory)/\(name)-jwks.json", Self.line(try issuer.jwks), mode: 0o644)
    }

    private static func line(_ object: JSONObject) -> [UInt8] {
        JSONWriter.compact(.object(object)) + [UInt8(ascii: "\n")]
    }
}
