internal import Foundation
import StrictEncoding

/// Where an appliance under quorum custody keeps what its custodians have decided: nothing in it opens a token.
///
///     host-key                  OpenSSH Ed25519 private key: signs requests for shares
///     host-key.new              the one that a ceremony has made to follow it, until its manifest is in force
///     manifests/1.json, ...     the chain, each with its quorum's signatures
///     pins-EPOCH.json           PINs, sealed under the epoch's activation secret
///     secrets/NAME.json         envelopes of sealed secrets
///     approvals/NUMBER/         approvals of configuration bundles
///     ceremonies/ID/            plans, transcripts, shares on their way to custodians
///     unattended/SERIAL.pin     PINs for an unattended start, where the quorum's dial allows one
///
/// Files are created once and never overwritten; the directory and all in it belong to the core's user alone.
package struct CustodyDirectory: Sendable, Equatable {
    /// How many manifests an appliance may have had.
    private static let mostManifests = 100_000
    /// The longest manifest that is read, in bytes.
    private static let longestManifest = 1 << 20

    package let path: String

    /// The directory at a path; nothing is read or made.
    package init(path: String) { self.path = path }

    /// Where the manifests are.
    package var manifests: String { "\(path)/manifests" }
    /// Where envelopes of sealed secrets are.
    package var secrets: String { "\(path)/secrets" }
    /// Where approvals of configuration bundles are.
    package var approvals: String { "\(path)/approvals" }
    /// Where ceremonies are.
    package var ceremonies: String { "\(path)/ceremonies" }

    /// The file of one manifest.
    package func manifestFile(_ version: Int64) -> String { "\(manifests)/\(version).json" }
    /// The file of an epoch's sealed PINs.
    package func pinsFile(epoch: Int64) -> String { "\(path)/pins-\(epoch).json" }
    /// The file of a sealed secret.
    package func secretFile(_ name: String) -> String { "\(secrets)/\(name).json" }
    /// The directory of a ceremony.
    package func ceremony(_ id: String) -> String { "\(ceremonies)/\(id)" }
    /// The file of a token's PIN for an unattended start.
    package func unattendedPINFile(serial: String) -> String { "\(path)/unattended/\(serial).pin" }

    /// Makes the directory and the fixed ones in it, for this user alone; those that are there stay.
    package func create() throws(CustodyError) {
        for directory in [path, manifests, secrets, approvals, ceremonies] {
            try PrivateFile.makeDirectory(directory)
        }
        try check()
    }

    /// Refuses a directory that somebody else may look into or change.
    package func check() throws(CustodyError) {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            attributes[.type] as? FileAttributeType == .typeDirectory
        else {
            throw CustodyError(
                .fileRefused, "\(path): is no directory; the ceremony genesis makes it, or restore it from its copy")
        }
        guard let mode = attributes[.posixPermissions] as? Int, mode & 0o077 == 0,
            let owner = attributes[.ownerAccountID] as? UInt32, owner == getuid()
        else {
            throw CustodyError(.fileRefused, "\(path): must belong to the core's user alone: chown, then chmod 700")
        }
    }

    /// The manifests from the first to the newest, verified; none may be missing.
    package func readChain() throws(CustodyError) -> ManifestChain {
        var found: [Manifest] = []
        for version in 1...Int64(CustodyDirectory.mostManifests) {
            let file = manifestFile(version)
            guard FileManager.default.fileExists(atPath: file) else { break }
            found.append(try CustodyDirectory.readManifest(file))
        }
        guard !found.isEmpty else {
            throw CustodyError(
                .notChained,
                "\(manifestFile(1)): is missing: run the ceremony genesis first, or restore the custody directory")
        }
        let strays = try strayManifests(beyond: Int64(found.count))
        guard strays.isEmpty else {
            throw CustodyError(
                .notChained, "\(manifests)/\(strays[0]): a manifest before it is missing; restore it from its copy")
        }
        return try ManifestChain(verifying: found)
    }

    /// Reads one manifest's file.
    package static func readManifest(_ file: String) throws(CustodyError) -> Manifest {
        let bytes = try PrivateFile.readPublic(file, limit: longestManifest)
        do {
            return try Manifest(jsonBytes: bytes)
        } catch {
            throw CustodyError(.malformed, "\(file): \(error)")
        }
    }

    /// Puts a signed manifest in its place, durably; one of this version that is there is never overwritten.
    package func add(_ manifest: Manifest) throws(CustodyError) {
        try PrivateFile.create(manifestFile(manifest.version), manifest.jsonBytes, mode: 0o600)
        try PrivateFile.syncDirectory(manifests)
    }

    /// Takes a manifest back that did not come into force: nothing knows it but its file.
    package func withdraw(_ manifest: Manifest) {
        // Safety: the string lives through the call.
        unsafe unlink(manifestFile(manifest.version))
    }

    /// The sealed PINs of an epoch.
    package func readPINs(epoch: Int64) throws(CustodyError) -> WrappedPINs {
        let file = pinsFile(epoch: epoch)
        let pins = try WrappedPINs(file: try PrivateFile.readPublic(file, limit: WrappedPINs.maximumBytes))
        guard pins.epoch == epoch else {
            throw CustodyError(.stale, "\(file): holds the PINs of epoch \(pins.epoch)")
        }
        return pins
    }

    /// Writes the sealed PINs of an epoch; a file of this epoch that is there is never overwritten.
    package func add(_ pins: WrappedPINs) throws(CustodyError) {
        try PrivateFile.create(pinsFile(epoch: pins.epoch), pins.bytes, mode: 0o600)
        try PrivateFile.syncDirectory(path)
    }

    /// Puts the sealed PINs of an epoch in the place of those that are there, as when a token comes or goes; readers see
    /// the old file or the new one whole.
    package func replace(_ pins: WrappedPINs) throws(CustodyError) {
        _ = try readPINs(epoch: pins.epoch)
        try PrivateFile.replace(pinsFile(epoch: pins.epoch), pins.bytes, mode: 0o600)
        try PrivateFile.syncDirectory(path)
    }

    private func strayManifests(beyond version: Int64) throws(CustodyError) -> [String] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: manifests) else {
            throw CustodyError(.fileRefused, "\(manifests): cannot be read")
        }
        return names.filter { name in
            name.hasSuffix(".json") && Int64(name.dropLast(5)).map { $0 > version } ?? false
        }.sorted()
    }
}
