import AuditLog
import Custody
import Foundation
import StrictEncoding
import Testing
import VaultCore
import VaultTesting

extension StartFault {
    static let modules = [
        configuration("a module that is not there", "hsm.module", "moduleNotFound") {
            $0.settings.tokens[0].module = $0.directory + "/missing.so"
        },
        configuration("a module that is no library", "hsm.module", "moduleRefused") {
            $0.settings.tokens[0].module = $0.directory + "/text.so"
            try $0.write("no library", to: $0.settings.tokens[0].module)
        },
        configuration("a module by its name alone", "hsm.module", "moduleRefused") {
            $0.settings.tokens[0].module = "libsofthsm2.so"
        },
    ]

    static let pins = [
        configuration("a PIN that the token refuses", "hsm.pin_file", "pinRefused") {
            try $0.setPINFile("not-the-pin")
        },
        configuration("a PIN that is too short for the token", "hsm.pin_file", "pinLength") {
            try $0.setPINFile("12\n")
        },
        configuration("an empty PIN file", "hsm.pin_file", "pinFileRefused") { try $0.setPINFile("\n") },
        configuration("a PIN file longer than a PIN", "hsm.pin_file", "pinFileRefused") {
            try $0.setPINFile(String(repeating: "1", count: 400))
        },
        configuration("a PIN file that is not there", "hsm.pin_file", "pinFileRefused") {
            $0.settings.tokens[0].pinFile = $0.directory + "/missing"
        },
        configuration("a PIN file that everyone can read", "hsm.pin_file", "pinFileRefused") {
            try $0.setPINFile($0.token.pin, mode: 0o644)
        },
        configuration("a PIN file that the group can write", "hsm.pin_file", "pinFileRefused") {
            try $0.setPINFile($0.token.pin, mode: 0o620)
        },
        configuration("a PIN file that is a directory", "hsm.pin_file", "pinFileRefused") {
            $0.settings.tokens[0].pinFile = $0.directory
        },
        configuration("a PIN file behind a symbolic link", "hsm.pin_file", "pinFileRefused") {
            $0.settings.tokens[0].pinFile = $0.directory + "/link"
            try FileManager.default.createSymbolicLink(
                atPath: $0.directory + "/link", withDestinationPath: $0.token.pinFile)
        },
    ]

    static let tokens = [
        configuration("a token that is not there", "hsm.token", "tokenNotFound") {
            $0.settings.tokens[0].uri = "pkcs11:token=no-such-token"
        },
        configuration("a token by another serial number", "hsm.token", "tokenNotFound") {
            $0.settings.tokens[0].uri += ";serial=0000"
        },
        configuration("a token that is no URI", "hsm.token", "uriMalformed") {
            $0.settings.tokens[0].uri = $0.token.label
        },
        configuration("a URI with the PIN in it", "hsm.token", "pinInURI") {
            $0.settings.tokens[0].uri += "?pin-value=\($0.token.pin)"
        },
        configuration("a URI with an attribute that nobody knows", "hsm.token", "uriAttributeUnknown") {
            $0.settings.tokens[0].uri += ";colour=green"
        },
    ]
}

extension StartFault {
    static let manifests = [
        manifest("no manifest", nil, "cannot be read") {
            try FileManager.default.removeItem(atPath: $0.settings.manifestFile)
        },
        manifest("a manifest that is no JSON", nil, "is not strict JSON") { try $0.replaceManifest(with: [0]) },
        manifest("an empty manifest, as a genesis that was killed leaves it", nil, "is not strict JSON") {
            try $0.replaceManifest(with: [])
        },
        manifest("a manifest that is a list", nil, "must be an object") {
            try $0.replaceManifest(with: Array("[]".utf8))
        },
        manifest("a manifest with a member that nobody knows", "colour", "is not a known member") {
            try $0.changeManifestJSON { $0["colour"] = "green" }
        },
        manifest("a manifest without its custody", "custody", "is missing") {
            try $0.changeManifestJSON { $0["custody"] = nil }
        },
        manifest("a manifest of another format", "format", "must be vault-manifest/1") {
            try $0.changeManifestJSON { $0["format"] = "vault-manifest/2" }
        },
        manifest("a key under a name that is not its own", "keys[0].kid", "is not the thumbprint") {
            try $0.changeManifest { $0.keys[0].kid = $0.keys[1].kid }
        },
        configuration("a configuration of quorum custody without its directory", "core.custody_directory", "is missing")
        {
            $0.settings.custody = "quorum"
        },
        configuration("a manifest of another custody", "core.custody", "is development, but the manifest says quorum") {
            try $0.changeManifest(StartFault.quorum)
        },
        manifest("a manifest of another token", "tokens", "does not name the token with serial") {
            try $0.changeManifest { manifest in
                manifest.tokens[0].serial = "0123456789abcdef"
                for index in manifest.keys.indices { manifest.keys[index].token = "0123456789abcdef" }
            }
        },
    ]

    /// Everything that quorum custody demands of a manifest, but for signatures that verify.
    private static func quorum(_ manifest: inout Manifest) throws {
        manifest.custody = .quorum
        manifest.hostKey = try SSHPrivateKey().publicKey.line
        manifest.custodians = try ["ann", "ben"].map { name in
            Manifest.Person(
                name: name, sshKey: try SSHPrivateKey().publicKey.line,
                ageRecipient: "\(try AgeIdentity().recipient)")
        }
        manifest.threshold = 2
        manifest.activation = .init(
            epoch: 1,
            shares: [("ann", 1), ("ben", 2)].map { name, index in
                .init(custodian: name, index: index, commitment: String(repeating: "\(index)", count: 64))
            })
        manifest.signatures = ["a signature"]
    }

    static let keys = [
        manifest("a key that is not in the token", "keys[0] (sign-es256)", "keyNotFound") {
            try $0.changeManifest { $0.keys[0].id = String(repeating: "0", count: 32) }
        },
        manifest("a key whose public key is another one's", "keys[0] (sign-es256)", "keyMismatch") {
            try $0.changeManifest { manifest in
                (manifest.keys[0].jwk, manifest.keys[5].jwk) = (manifest.keys[5].jwk, manifest.keys[0].jwk)
                (manifest.keys[0].kid, manifest.keys[5].kid) = (manifest.keys[5].kid, manifest.keys[0].kid)
            }
        },
        manifest("a key with another label", "keys[3] (sign-other)", "keyMismatch") {
            try $0.changeManifest { $0.keys[3].label = "sign-other" }
        },
        manifest("a key for an algorithm that nobody knows", "keys (sign-rs256)", "its alg, id or jwk cannot be read") {
            try $0.changeManifest { $0.keys[1].algorithm = "HS256" }
        },
        manifest("a key whose identifier is not hexadecimal", "keys (sign-rs256)", "its alg, id or jwk cannot be read")
        {
            try $0.changeManifest { $0.keys[1].id = "xyz" }
        },
        manifest("no checkpoint key", "keys", "names no active checkpoint key") {
            try $0.changeManifest { $0.keys[4].state = .retired }
        },
        manifest("two checkpoint keys", "keys[4] (checkpoint)", "is a second active checkpoint key") {
            try $0.changeManifest { manifest in
                manifest.keys[2].purpose = .checkpoint
                manifest.keys[2].gate = nil
            }
            $0.settings.keys[2].purpose = "checkpoint"
        },
        manifest("a checkpoint key that cannot sign notes", "keys (sign-rs256)", "a checkpoint key must be EdDSA") {
            try $0.changeManifest { manifest in
                manifest.keys[4].state = .retired
                manifest.keys[1].purpose = .checkpoint
                manifest.keys[1].gate = nil
            }
            $0.settings.keys[1].purpose = "checkpoint"
        },
        configuration("a configured key that the manifest does not hold", "keys[8] (extra)", "the manifest ") {
            var extra = $0.settings.keys[0]
            extra.label = "extra"
            $0.settings.keys.append(extra)
        },
        configuration("a configured key of another algorithm", "keys[0] (sign-es256)", "the manifest ") {
            $0.settings.keys[0].algorithm = "EdDSA"
        },
        configuration("a configured key for another purpose", "keys[6] (tls-public)", "the manifest ") {
            $0.settings.keys[6].purpose = "signing"
        },
    ]
}

extension StartFault {
    /// A log directory that another process is writing.
    static let heldLog = log("a log that another process holds", "locked") { site in
        let directory = site.settings.logDirectory
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        // Open until the test process ends, as another core's would be.
        let descriptor = unsafe open(directory + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        try #require(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    }

    static let logs = [
        heldLog,
        log("a log in a directory that is not there", "system: mkdir") {
            $0.settings.logDirectory = $0.directory + "/missing/log"
        },
        log("a log where there is a file", "system: open") {
            try $0.write("a file", to: $0.settings.logDirectory)
        },
        log("a log of another name", "badSignature") { site in
            try await site.start().shutdown()
            site.settings.logOrigin = "other.example/log"
        },
        log("a log that was cut short", "rolledBack") { site in
            try await site.start().shutdown()
            let journal = site.settings.logDirectory + "/journal"
            try FileManager.default.removeItem(atPath: journal)
            try FileManager.default.removeItem(atPath: site.settings.logDirectory + "/tile")
        },
        log("a verifier key that cannot be put beside the log", "cannot be written", suffix: ".vkey") {
            try FileManager.default.createDirectory(
                atPath: $0.settings.logDirectory + ".vkey", withIntermediateDirectories: false)
        },
        configuration("a record of the last checkpoint in a directory that is not there", "audit.last_checkpoint", "/")
        {
            $0.settings.logOptions.lastCheckpointFile = $0.directory + "/missing/log.last-checkpoint"
        },
        configuration("a log's name that cannot be a key's", "audit.origin", "badKey") {
            $0.settings.logOrigin = "vault+example"
        },
    ]
}
