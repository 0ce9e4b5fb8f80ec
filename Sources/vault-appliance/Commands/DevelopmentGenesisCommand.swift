import ArgumentParser
import Custody
import Foundation
import VaultCore

/// `development-genesis`: the first keys of an appliance without custodians.
struct DevelopmentGenesisCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "development-genesis",
        abstract:
            "Generate the configured keys in each token under development custody; for development and tests alone.",
        discussion: """
            Nobody vouches for what this makes: the manifest is unsigned, and status, health and every audit entry say \
            'custody: development'. It refuses to run where a manifest exists.
            """)

    @OptionGroup var options: ConfigurationOption

    func run() async throws {
        try ProcessHygiene.apply()
        let settings = try CoreSettings(loading: options.config)
        let genesis = DevelopmentGenesis(settings: settings, clock: systemClock, random: randomBytes)
        let manifest = try await genesis.run { key in
            let label = key.label.padding(toLength: max(14, key.label.count), withPad: " ", startingAt: 0)
            let token = settings.tokens.count > 1 ? "  token \(key.token)" : ""
            print("\(label) \(key.algorithm)\(token)  \(KeyEvidence(key.evidence).summary)  kid \(key.kid)")
        }
        print("manifest       \(settings.manifestFile)  version \(manifest.version)  sha256 \(manifest.hash)")
    }
}

/// What the token said of a key when it was asked, in the words of PKCS#11.
struct KeyEvidence {
    let summary: String

    init(_ evidence: [String: Bool]) {
        summary = evidence.sorted { $0.key < $1.key }.map { $0.value ? $0.key : "not \($0.key)" }.joined(
            separator: ", ")
    }
}
