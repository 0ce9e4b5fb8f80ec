import Custody
import Foundation
import StrictEncoding
import Testing

/// The files of quorum custody: made once, never overwritten, of their owner alone, and none may be missing.
@Suite struct CustodyDirectoryTests {
    private static func made() throws -> (TemporaryDirectory, CustodyDirectory) {
        let place = try TemporaryDirectory()
        let directory = CustodyDirectory(path: place.file("custody").path)
        try directory.create()
        return (place, directory)
    }

    @Test func aChainIsReadBackAsItWasAdded() throws {
        let (place, directory) = try Self.made()
        defer { withExtendedLifetime(place) {} }
        let fixture = try QuorumFixture()
        try directory.add(fixture.genesis)
        try directory.add(try fixture.successor())
        let chain = try directory.readChain()
        #expect(chain.current.version == 2 && chain.genesisHash == fixture.genesis.hash)
    }

    @Test func aManifestThatIsThereIsNeverOverwritten() throws {
        let (place, directory) = try Self.made()
        defer { withExtendedLifetime(place) {} }
        let fixture = try QuorumFixture()
        try directory.add(fixture.genesis)
        #expect(throws: CustodyError(.fileRefused, "")) { try directory.add(try QuorumFixture().genesis) }
        #expect(try directory.readChain().genesisHash == fixture.genesis.hash)
    }

    @Test func whatADeadProcessHasLeftHalfDoneIsRemovedAndNothingElse() throws {
        let (place, directory) = try Self.made()
        defer { withExtendedLifetime(place) {} }
        let fixture = try QuorumFixture()
        try directory.add(fixture.genesis)
        let ceremony = "\(directory.ceremonies)/drill-0123456789ab"
        let strange = "\(directory.ceremonies)/drill-ba9876543210"
        for folder in ["\(ceremony)/work", "\(ceremony)/approvals", "\(strange)/work"] {
            try PrivateFile.makeDirectory(folder)
        }
        try PrivateFile.create("\(strange)/work/of-a-person", [1])
        let halves = ["pins-1.json.new", "manifests/2.json.new", "ceremonies/drill-ba9876543210/recorded.new"]
        for name in halves { try PrivateFile.create("\(directory.path)/\(name)", [1]) }
        _ = try directory.createNextHostKey()
        try directory.removeUnfinished()
        for name in halves { #expect(!FileManager.default.fileExists(atPath: "\(directory.path)/\(name)")) }
        #expect(!FileManager.default.fileExists(atPath: ceremony))
        #expect(FileManager.default.fileExists(atPath: "\(strange)/work/of-a-person"))
        #expect(FileManager.default.fileExists(atPath: directory.nextHostKeyFile))
        #expect(try directory.readChain().genesisHash == fixture.genesis.hash)
    }

    @Test func aFileThatIsNotMadeLeavesNothing() throws {
        let (place, directory) = try Self.made()
        defer { withExtendedLifetime(place) {} }
        let file = "\(directory.path)/once"
        try PrivateFile.create(file, [1, 2, 3])
        #expect(throws: CustodyError(.fileRefused, "")) { try PrivateFile.create(file, [4]) }
        #expect(throws: CustodyError(.fileRefused, "")) { try PrivateFile.create("\(directory.path)/none/once", [4]) }
        #expect(try PrivateFile.readPublic(file) == [1, 2, 3])
        let names = try PrivateFile.names(in: directory.path)
        #expect(names == ["approvals", "ceremonies", "manifests", "once", "secrets"])
    }

    @Test func aGapInTheChainIsNamed() throws {
        let (place, directory) = try Self.made()
        defer { withExtendedLifetime(place) {} }
        let fixture = try QuorumFixture()
        try directory.add(fixture.genesis)
        var third = try fixture.successor()
        third.version = 3
        try directory.add(third)
        #expect(throws: CustodyError(.notChained, "")) { try directory.readChain() }
        #expect(throws: CustodyError(.notChained, "")) { try Self.made().1.readChain() }
    }

    @Test func aDirectoryThatOthersMayTouchIsRefused() throws {
        let (place, directory) = try Self.made()
        defer { withExtendedLifetime(place) {} }
        try FileManager.default.setAttributes([.posixPermissions: 0o750], ofItemAtPath: directory.path)
        #expect(throws: CustodyError(.fileRefused, "")) { try directory.check() }
        #expect(throws: CustodyError(.fileRefused, "")) {
            try CustodyDirectory(path: directory.path + "/none").check()
        }
    }

    @Test func sealedPINsOfAnotherEpochAreRefused() throws {
        let (place, directory) = try Self.made()
        defer { withExtendedLifetime(place) {} }
        try directory.add(WrappedPINs(appliance: QuorumFixture.appliance, epoch: 2))
        #expect(try directory.readPINs(epoch: 2).epoch == 2)
        try FileManager.default.copyItem(
            atPath: directory.pinsFile(epoch: 2), toPath: directory.pinsFile(epoch: 3))
        #expect(throws: CustodyError(.stale, "")) { try directory.readPINs(epoch: 3) }
    }
}
