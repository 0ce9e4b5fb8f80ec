import Custody
import Foundation
import StrictEncoding
import VaultAppliance

/// The manifest a secret is sealed to, as far as this computer can verify it.
enum SecretManifest {
    /// Under quorum custody the whole chain is verified, and held against the pin of whoever seals; who has none vouches for
    /// the genesis, since whoever could make manifests up would get the value.
    ///
    /// A key encryption key that somebody has put out of use since is marked so, as the core says: that makes keys fewer, and
    /// never another one.
    static func fetch(
        _ configuration: Configuration, home: CustodianHome, genesis: String?
    ) async throws -> Manifest {
        var (manifests, answer): ([Manifest], JSONValue) = ([], .null)
        repeat {
            let before = manifests.count
            answer = try await AdminClient.call(
                ["command": "secret-manifests", "after": .integer(Int64(before))],
                socket: configuration.core.adminSocket)
            manifests += try (answer.object?["manifests"]?.strings ?? []).map { text in
                try Manifest(jsonBytes: Array(text.utf8))
            }
            guard manifests.count > before else { throw CommandFailure("the core sent no manifest") }
        } while answer.object?["more"] == .bool(true)
        guard let last = manifests.last else { throw CommandFailure("the core sent no manifest") }
        // Else somebody in the core's place could call any manifest an unsigned one.
        guard last.custody.rawValue == configuration.core.custody.rawValue else {
            throw CommandFailure("core.custody is \(configuration.core.custody.rawValue), and the core says otherwise")
        }
        guard last.custody == .quorum else {
            note("custody: development. Nobody vouches for this manifest, and the envelope is not signed.")
            return last
        }
        let chain = try ManifestChain(verifying: manifests)
        if let pin = try home.pin(of: chain.current.appliance) {
            try pin.check(chain)
            try home.remember(chain)
        } else {
            try confirm(chain, genesis)
        }
        var manifest = chain.current
        let quarantined = answer.object?["quarantined"]?.strings ?? []
        for index in manifest.keys.indices
        where manifest.keys[index].purpose == .kek && quarantined.contains(manifest.keys[index].kid) {
            manifest.keys[index].state = .quarantined
        }
        return manifest
    }

    private static func confirm(_ chain: ManifestChain, _ genesis: String?) throws {
        if let genesis {
            guard genesis.lowercased() == chain.genesisHash else {
                throw CommandFailure("--genesis: the manifests begin with \(chain.genesisHash), not with that")
            }
            return
        }
        note("appliance \(chain.current.appliance), genesis \(chain.genesisHash)")
        note("You have no pin of this appliance.")
        try Confirmation.ask(
            "Is this the genesis of the first ceremony's transcript?", instead: "--genesis HASH",
            otherwise: "If it differs, this is another appliance: tell its custodians.")
    }

    private static func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}

/// The person who seals or removes: signs with an SSH key of the manifest, where the manifest has people.
struct SecretSigner {
    private let key: String?

    /// Under development custody nobody signs; under quorum custody somebody must.
    init(key: String?, manifest: Manifest) throws {
        guard manifest.custody == .quorum else {
            guard key == nil else {
                throw CommandFailure("--key: there are no people under development custody; leave it out")
            }
            self.key = nil
            return
        }
        guard let key else {
            throw CommandFailure("--key is missing: a custodian or approver of the manifest signs")
        }
        self.key = key
    }

    /// An armored signature; nil where nobody signs.
    func sign(_ bytes: [UInt8]) throws -> String? {
        guard let key else { return nil }
        let directory = FileManager.default.temporaryDirectory.appending(path: "vault-secret-\(randomHexadecimal(8))")
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appending(path: "statement").path
        try PrivateFile.create(file, bytes)
        return String(decoding: try Custody.SSHKeygen.sign(file: file, key: key, purpose: .envelope), as: UTF8.self)
    }
}
