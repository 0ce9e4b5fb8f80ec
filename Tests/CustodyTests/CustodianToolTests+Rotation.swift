import Custody
import Foundation
import StrictEncoding
import Testing
import VaultTesting

/// What the custodian's command does with the request of a rotation: newcomers ask who is asking, and nobody believes in a
/// manifest before it is in force.
extension CustodianToolTests {
    private static let ceremony = "rotate-epoch-0123456789ab"

    /// The manifests of a rotation that some others sign, by which alice gets a new share: `new.age`.
    private func rotation(of elders: QuorumFixture) throws -> [Manifest] {
        let members = [quorum.people[0]] + elders.people.filter { $0.name != "alice" }.prefix(2)
        let shares = try Share.make(
            of: try LockedBytes.random(count: Share.secretLength), appliance: QuorumFixture.appliance, epoch: 2,
            threshold: 2, count: members.count)
        try PrivateFile.create(
            path("new.age"), try AgeFile.encrypt(shares[0].encoded, to: [members[0].age.recipient]))
        let next = try elders.successor { next in
            next.custodians = members.map(\.person)
            next.activation = .init(
                epoch: 2,
                shares: zip(members, shares).map {
                    .init(custodian: $0.name, index: Int64($1.index), commitment: $1.commitment)
                })
        }
        return [elders.genesis, next]
    }

    private var proven: [String] { ["--share", path("new.age")] }

    @Test func aNewcomerGivesNothingBeforeTheGenesisIsConfirmed() throws {
        let elders = try QuorumFixture(names: ["bob", "carol", "dave"])
        let words = try request("request", try rotation(of: elders), host: elders.host, ceremony: Self.ceremony)
        try expectRefusal("request", words, proven, saying: "give --genesis HASH")
        let other = String(repeating: "0", count: 64)
        try expectRefusal(
            "request", words, proven + ["--genesis", other],
            saying: "--genesis: the manifests begin with \(elders.genesis.hash), not with that")
        try expectRefusal(
            "request", "babab-babab-babab-babab", proven + ["--genesis", elders.genesis.hash],
            saying: "It is not the one that was read to you")
        let done = try contribute(
            "request", words, proven + ["--genesis", Proquint.phrase(hexadecimal: elders.genesis.hash)])
        #expect(done.code == 0, "\(done.said)")
        #expect(FileManager.default.fileExists(atPath: path("request/alice.age.sig")))
        // From here on it is the appliance, in the manifest that is in force.
        #expect(try pinnedVersion() == 1)
        #expect(
            try contents(of: "home/appliances/\(QuorumFixture.appliance)/manifests")
                == ["1.json": Data(elders.genesis.jsonBytes)])
        let forger = try QuorumFixture(names: ["bob", "carol", "mallory"])
        let forged = try request("forged", try rotationAgain(of: forger), host: forger.host, ceremony: Self.ceremony)
        try expectRefusal("forged", forged, proven, saying: "this is not the appliance that was accepted")
    }

    private func rotationAgain(of elders: QuorumFixture) throws -> [Manifest] {
        try FileManager.default.removeItem(atPath: path("new.age"))
        return try rotation(of: elders)
    }

    /// The number, the share's commitment and the victim's key are the real ones; the rest is the forger's.
    @Test func aFirstManifestThatSomebodyMadeUpGetsNoNewcomersShare() throws {
        let elders = try QuorumFixture(names: ["bob", "carol", "dave"])
        let real = try rotation(of: elders)
        let forger = try QuorumFixture(names: ["mallory", "oscar", "trudy"])
        var first = forger.genesis
        (first.custodians, first.activation) = (real[1].custodians, real[1].activation)
        first.custodians[1].sshKey = forger.people[0].ssh.publicKey.line
        first.custodians[2].sshKey = forger.people[1].ssh.publicKey.line
        first = try QuorumFixture.signed(first, by: Array(forger.people.prefix(2)))
        let words = try request("request", [first], host: forger.host, ceremony: Self.ceremony)
        try expectRefusal(
            "request", words, proven, saying: "the request names no manifest before the one that it brings")
        try expectRefusal(
            "request", words, proven + ["--genesis", elders.genesis.hash],
            saying: "the request names no manifest before the one that it brings")
        var second = first
        (second.version, second.previous) = (2, first.hash)
        second = try QuorumFixture.signed(second, by: Array(forger.people.prefix(2)))
        let longer = try request("longer", [first, second], host: forger.host, ceremony: Self.ceremony)
        try expectRefusal("longer", longer, proven, saying: "give --genesis HASH")
        try expectRefusal(
            "longer", longer, proven + ["--genesis", elders.genesis.hash],
            saying: "--genesis: the manifests begin with \(first.hash), not with that")
    }

    @Test func whoAcceptedAnotherGenesisThanIsGivenIsTold() throws {
        try accept("one")
        let words = try request("request", [quorum.genesis])
        try expectRefusal(
            "request", words, ["--genesis", String(repeating: "0", count: 64)],
            saying: "--genesis: the manifests begin with \(quorum.genesis.hash), not with that")
    }

    @Test func aNewShareIsProvenAndTheRotationThatIsAbortedLocksNobodyOut() throws {
        try accept("one")
        let words = try request("request", try rotation(of: quorum), ceremony: Self.ceremony)
        let before = try contents(of: "home")
        let early = try custodian("accept", path("request/manifests"), "--share", path("new.age"))
        #expect(early.code == 1)
        #expect(early.said.contains("manifest 2 is not in force yet"), "\(early.said)")
        let single = try custodian(
            "accept", path("request/manifests/1.json"), path("request/manifests/2.json"), "--share", path("new.age"))
        #expect(single.code == 1 && single.said.contains("manifest 2 is not in force yet"), "\(single.said)")
        #expect(try contents(of: "home") == before)
        let done = try contribute("request", words, proven)
        #expect(done.code == 0, "\(done.said)")
        #expect(try pinnedVersion() == 1)
        // The share lies where an acceptance would put it: the manifest is not believed in for all that.
        try FileManager.default.copyItem(
            atPath: path("new.age"), toPath: path("home/appliances/\(QuorumFixture.appliance)/share-2.age"))
        let again = try contribute("request", words)
        #expect(again.code == 0, "\(again.said)")
        #expect(try pinnedVersion() == 1)
        let after = try contribute("activation", try request("activation", [quorum.genesis]))
        #expect(after.code == 0, "\(after.said)")
    }

    @Test func aDrillIsUnderTheManifestInForceWhichIsRemembered() throws {
        try accept("one")
        let words = try request("request", [quorum.genesis, second], ceremony: "drill-0123456789ab")
        let done = try contribute("request", words)
        #expect(done.code == 0, "\(done.said)")
        #expect(try pinnedVersion() == 2)
    }

    /// docs/custodians.md, "When custodians change": the way out, as it is written there.
    @Test func whoIsLockedOutForgetsTheAbortedManifestAndKeepsTheShare() throws {
        try accept("one")
        try write(try rotation(of: quorum), to: "copied")
        let early = try custodian("accept", path("copied"), "--share", path("new.age"))
        #expect(early.code == 0, "\(early.said)")
        let words = try request("activation", [quorum.genesis])
        try expectRefusal("activation", words, saying: "version 2 was seen before")
        try expectRefusal("activation", words, saying: "docs/custodians.md")
        let place = path("home/appliances/\(QuorumFixture.appliance)")
        for name in ["pin.json", "manifests"] {
            try FileManager.default.moveItem(atPath: "\(place)/\(name)", toPath: "\(place)/\(name).aborted")
        }
        let back = try custodian("accept", path("one"), "--genesis", quorum.genesis.hash)
        #expect(back.code == 0, "\(back.said)")
        #expect(try pinnedVersion() == 1)
        #expect(try contribute("activation", words).code == 0)
    }

    @Test func aLinkInARequestsDirectoryLeadsTheAnswerNowhere() throws {
        try accept("one")
        let identity = try PrivateFile.readPublic(path("home/identity"))
        for (index, name) in ["alice.age.new", "alice.age.sig.new", "alice.age", "alice.age.sig"].enumerated() {
            let directory = "request-\(index)"
            let words = try request(directory, [quorum.genesis])
            try FileManager.default.createSymbolicLink(
                atPath: path("\(directory)/\(name)"), withDestinationPath: path("home/identity"))
            let done = try contribute(directory, words)
            #expect(done.code == 0, "\(done.said)")
            #expect(try PrivateFile.readPublic(path("home/identity")) == identity, "\(name)")
            #expect(try Set(contents(of: directory).keys).isSuperset(of: ["alice.age", "alice.age.sig"]))
            for answer in ["alice.age", "alice.age.sig"] {
                let kind = try FileManager.default.attributesOfItem(atPath: path("\(directory)/\(answer)"))[.type]
                #expect(kind as? FileAttributeType == .typeRegular, "\(answer) with \(name)")
            }
        }
    }
}
