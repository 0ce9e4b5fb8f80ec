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
