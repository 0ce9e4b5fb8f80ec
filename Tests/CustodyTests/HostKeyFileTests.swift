import Custody
import Foundation
import StrictEncoding
import Testing

/// The host key's file while a ceremony replaces the key: which of two counts is said by the manifest in force.
@Suite struct HostKeyFileTests {
    /// A custody directory with a host key, and the manifests before and after its replacement.
    private struct Site {
        let place: TemporaryDirectory
        let directory: CustodyDirectory
        let old: SSHPrivateKey
        let before: Manifest
        let after: Manifest
        let next: SSHPrivateKey

        /// As a ceremony leaves it that has made the next key.
        init() throws {
            place = try TemporaryDirectory()
            directory = CustodyDirectory(path: place.file("custody").path)
            try directory.create()
            old = try directory.createHostKey()
            let next = try directory.createNextHostKey()
            let fixture = try QuorumFixture()
            (before, after) = (Self.manifest(fixture, old), Self.manifest(fixture, next))
            self.next = next
        }

        private static func manifest(_ fixture: QuorumFixture, _ key: SSHPrivateKey) -> Manifest {
            var manifest = fixture.genesis
            manifest.hostKey = key.publicKey.line
            return manifest
        }

        /// Which keys are in the two files: what is there and no key is "damaged".
        var files: [String] {
            [directory.hostKeyFile, directory.nextHostKeyFile].map { file in
                guard FileManager.default.fileExists(atPath: file) else { return "none" }
                guard let contents = try? PrivateFile.read(file), let key = try? SSHPrivateKey(file: contents) else {
                    return "damaged"
                }
                return key.publicKey == old.publicKey ? "old" : key.publicKey == next.publicKey ? "next" : "other"
            }
        }

        func exchange() throws {
            let (one, other) = (directory.hostKeyFile, directory.nextHostKeyFile)
            try PrivateFile.move(one, to: one + ".aside")
            try PrivateFile.move(other, to: one)
            try PrivateFile.move(one + ".aside", to: other)
        }
    }

    @Test func theHostKeyIsMadeOnceAndReadBack() throws {
        let site = try Site()
        #expect(try site.directory.readHostKey().publicKey == site.old.publicKey)
        #expect(throws: CustodyError(.fileRefused, "")) { try site.directory.createHostKey() }
    }

    @Test func theNextOneIsMadeBesideItForItsOwnerAloneAndOnce() throws {
        let site = try Site()
        let mode = try FileManager.default.attributesOfItem(atPath: site.directory.nextHostKeyFile)[.posixPermissions]
        #expect(mode as? Int == 0o600)
        #expect(site.files == ["old", "next"])
        #expect(throws: CustodyError(.fileRefused, "")) { try site.directory.createNextHostKey() }
        #expect(site.files == ["old", "next"])
        try site.directory.removeNextHostKey()
        try site.directory.removeNextHostKey()
        #expect(site.files == ["old", "none"])
    }

    @Test func beforeItsManifestIsInForceNothingMoves() throws {
        let site = try Site()
        #expect(try site.directory.settleHostKey(of: site.before).publicKey == site.old.publicKey)
        #expect(site.files == ["old", "next"])
    }

    @Test func afterwardsItTakesTheOldOnesPlaceAndNothingOfTheOldOneIsLeft() throws {
        let site = try Site()
        let old = try PrivateFile.read(site.directory.hostKeyFile).exposed
        for _ in 0..<2 {
            #expect(try site.directory.settleHostKey(of: site.after).publicKey == site.next.publicKey)
            #expect(site.files == ["next", "none"])
        }
        for name in try PrivateFile.names(in: site.directory.path) where name.hasPrefix("host-key") {
            #expect(try PrivateFile.read("\(site.directory.path)/\(name)").exposed != old)
        }
    }

    @Test func lookingForTheKeyOfAManifestWritesNothing() throws {
        let site = try Site()
        #expect(try site.directory.hostKey(of: site.after).publicKey == site.next.publicKey)
        #expect(try site.directory.hostKey(of: site.before).publicKey == site.old.publicKey)
        #expect(site.files == ["old", "next"])
    }

    @Test func filesThatStandTheOtherWayRoundAreSettledByTheManifestToo() throws {
        let site = try Site()
        try site.exchange()
        #expect(try site.directory.settleHostKey(of: site.before).publicKey == site.old.publicKey)
        #expect(site.files == ["old", "none"])
    }

    @Test func aKeyThatNoManifestNamesIsNeverTaken() throws {
        let site = try Site()
        var other = site.after
        other.hostKey = try SSHPrivateKey().publicKey.line
        #expect(throws: CustodyError(.foreign, "")) { try site.directory.settleHostKey(of: other) }
        #expect(site.files == ["old", "next"])
        try site.directory.settleHostKey(of: site.after)
        // The manifests went back, and the key did not.
        #expect(throws: CustodyError(.foreign, "")) { try site.directory.settleHostKey(of: site.before) }
        #expect(site.files == ["next", "none"])
    }

    @Test func aNextKeyThatADyingProcessLeftHalfWrittenCountsForNothing() throws {
        let site = try Site()
        let whole = try PrivateFile.read(site.directory.nextHostKeyFile).exposed
        for count in stride(from: 0, to: whole.count - 40, by: 37) {
            try PrivateFile.replace(site.directory.nextHostKeyFile, Array(whole.prefix(count)), mode: 0o600)
            #expect(try site.directory.settleHostKey(of: site.before).publicKey == site.old.publicKey)
            #expect(throws: CustodyError(.foreign, "")) { try site.directory.settleHostKey(of: site.after) }
            #expect(site.files == ["old", "damaged"])
        }
    }

    @Test func oneThatOthersMayReadIsNotTaken() throws {
        let site = try Site()
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o640], ofItemAtPath: site.directory.nextHostKeyFile)
        #expect(throws: CustodyError(.foreign, "")) { try site.directory.settleHostKey(of: site.after) }
    }

    @Test func whereTheOldOneIsLostTheNextOneIsTakenByItsManifestAlone() throws {
        let site = try Site()
        try FileManager.default.removeItem(atPath: site.directory.hostKeyFile)
        #expect(throws: CustodyError(.fileRefused, "")) { try site.directory.settleHostKey(of: site.before) }
        #expect(site.files == ["none", "next"])
        try site.directory.settleHostKey(of: site.after)
        #expect(site.files == ["next", "none"])
    }
}
