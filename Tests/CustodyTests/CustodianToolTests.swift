import Custody
import Foundation
import StrictEncoding
import Testing
import VaultTesting

/// The custodian's own command, with a home and requests in files as they travel: what it refuses, in what words, and that
/// a refusal opens nothing and leaves nothing.
@Suite struct CustodianToolTests {
    let files: TemporaryDirectory
    let quorum: QuorumFixture
    let second: Manifest
    let now = UnixTime(seconds: Int64(Date().timeIntervalSince1970))

    init() throws {
        files = try TemporaryDirectory()
        quorum = try QuorumFixture()
        second = try quorum.successor()
        let alice = quorum.people[0]
        try FileManager.default.createDirectory(at: files.file("home"), withIntermediateDirectories: false)
        try PrivateFile.create(path("home/id_ssh"), try alice.ssh.fileContents(check: 1))
        try PrivateFile.create(path("home/id_ssh.pub"), Array("\(alice.ssh.publicKey.line)\n".utf8))
        try PrivateFile.create(path("home/identity"), try alice.age.fileContents())
        try PrivateFile.create(
            path("share.age"), try AgeFile.encrypt(quorum.shares[0].encoded, to: [alice.age.recipient]))
        for (name, manifests) in [("one", [quorum.genesis]), ("two", [quorum.genesis, second])] {
            try write(manifests, to: name)
        }
    }

    func path(_ name: String) -> String { files.file(name).path }

    func write(_ manifests: [Manifest], to name: String) throws {
        try PrivateFile.makeDirectory(path(name))
        for manifest in manifests {
            try PrivateFile.create(path("\(name)/\(manifest.version).json"), manifest.jsonBytes)
        }
    }

    func custodian(_ verb: String, _ arguments: String...) throws -> (code: Int32, said: String) {
        try custodian(verb, arguments)
    }

    func contribute(_ name: String, _ words: String, _ more: [String] = []) throws -> (code: Int32, said: String) {
        try custodian("contribute", ["--request", path(name), "--words", words] + more)
    }

    private func custodian(_ verb: String, _ arguments: [String]) throws -> (code: Int32, said: String) {
        let done = try Program.run(
            [try BuildProduct.path(of: "vault-appliance"), "custodian", verb, "--home", path("home")] + arguments)
        return (done.status, String(decoding: done.output, as: UTF8.self) + done.errors)
    }

    func accept(_ manifests: String) throws {
        let done = try custodian(
            "accept", path(manifests), "--share", path("share.age"), "--genesis", quorum.genesis.hash)
        #expect(done.code == 0, "\(done.said)")
    }

    /// A request's directory as the appliance with these manifests writes it; returns its words.
    func request(
        _ name: String, _ manifests: [Manifest], host: SSHPrivateKey? = nil, signer: SSHPrivateKey? = nil,
        made: UnixTime? = nil, ceremony: String? = nil
    ) throws -> String {
        let chain = try ManifestChain(verifying: manifests)
        let made = made ?? now
        let desk = try ActivationDesk(chain: chain, hostKey: host ?? quorum.host, build: "b", clock: { made })
        let offer = try desk.offer(lifetime: 1800, ceremony: ceremony) { count in
            (0..<count).map { _ in UInt8.random(in: .min ... .max) }
        }
        let signature =
            try signer?.sign(offer.request.bytes, namespace: SignaturePurpose.request.namespace) ?? offer.signature
        try RequestDirectory(offer.request, signature: signature, chain: chain).write(to: path(name))
        return offer.request.words
    }

    /// Contributes, and expects a refusal with these words that changed nothing in either directory.
    func expectRefusal(
        _ name: String, _ words: String, _ more: [String] = [], saying text: String,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let before = try [name, "home"].map { try contents(of: $0) }
        let done = try contribute(name, words, more)
        #expect(done.code == 1, "\(done.said)", sourceLocation: location)
        #expect(done.said.contains(text), "\(done.said)", sourceLocation: location)
        #expect(try [name, "home"].map { try contents(of: $0) } == before, sourceLocation: location)
    }

    func contents(of name: String) throws -> [String: Data] {
        var found: [String: Data] = [:]
        for file in try FileManager.default.subpathsOfDirectory(atPath: path(name)) {
            found[file] = FileManager.default.contents(atPath: path("\(name)/\(file)"))
        }
        return found
    }

    func pinnedVersion() throws -> Int64? {
        try CustodianHome(directory: path("home")).pin(of: QuorumFixture.appliance)?.version
    }

    @Test func anApplianceThatWasNeverAcceptedGetsNothing() throws {
        let words = try request("request", [quorum.genesis])
        try expectRefusal("request", words, saying: "was never accepted here: custodian accept comes first")
    }

    @Test func anImpostorsRequestIsRefusedBeforeWordsAreCompared() throws {
        try accept("one")
        let words = try request("request", [quorum.genesis], signer: try SSHPrivateKey())
        try expectRefusal("request", words, saying: "the request was not made by this appliance")
        try expectRefusal("request", words, saying: "Tell the others at once")
        try expectRefusal("request", "other-words-than-these", saying: "the request was not made by this appliance")
    }

    @Test func anotherGenesisUnderTheSameNumberIsRefused() throws {
        try accept("one")
        let forger = try QuorumFixture(names: ["alice", "bob", "mallory"])
        let words = try request("request", [forger.genesis], host: forger.host)
        try expectRefusal("request", words, saying: "this is not the appliance that was accepted: another genesis")
    }

    @Test func aRequestThatEndedIsRefused() throws {
        try accept("one")
        let words = try request("request", [quorum.genesis], made: now.adding(seconds: -1801))
        try expectRefusal("request", words, saying: "the request ended at")
    }

    @Test func wrongWordsLeaveTheShareClosed() throws {
        try accept("one")
        _ = try request("request", [quorum.genesis])
        try expectRefusal("request", "babab-babab-babab-babab", saying: "It is not the one that was read to you")
    }

    @Test func aRequestUnderAnOlderManifestThanWasAcceptedIsRefused() throws {
        try accept("two")
        let words = try request("request", [quorum.genesis])
        try expectRefusal("request", words, saying: "the manifest is version 1; version 2 was seen before")
    }

    @Test func whoContributedUnderAManifestRefusesOlderAndOtherOnesFromThenOn() throws {
        try accept("one")
        let old = try request("old", [quorum.genesis])
        let words = try request("new", [quorum.genesis, second])
        let done = try custodian("contribute", "--request", path("new"), "--words", words)
        #expect(done.code == 0, "\(done.said)")
        #expect(FileManager.default.fileExists(atPath: path("new/alice.age.sig")))
        #expect(try pinnedVersion() == 2)
        try expectRefusal("old", old, saying: "the manifest is version 1; version 2 was seen before")
        let fork = try quorum.successor { $0.threshold = 3 }
        let other = try request("fork", [quorum.genesis, fork])
        try expectRefusal("fork", other, saying: "does not follow from version 2 as it was seen before")
    }

    @Test func theManifestsThatWereSeenAreKeptForWhoLosesThem() throws {
        try accept("one")
        let words = try request("new", [quorum.genesis, second])
        #expect(try custodian("contribute", "--request", path("new"), "--words", words).code == 0)
        let place = "home/appliances/\(QuorumFixture.appliance)/manifests"
        #expect(try contents(of: place) == contents(of: "two"))
    }

    @Test func whoSignsAManifestIsShownWhatChangesAndRemembersWhatItFollows() throws {
        try accept("one")
        let next = try quorum.successor { $0.dials.restartGrace = 60 }
        _ = try files.write(next.bodyBytes, to: "manifest.json")
        let signed = try custodian("approve", path("manifest.json"), "--yes")
        #expect(signed.code == 0, "\(signed.said)")
        #expect(signed.said.contains("WHAT CHANGES since manifest 1") && signed.said.contains("dials"))
        #expect(try pinnedVersion() == 1)
        var third = second
        (third.version, third.previous) = (3, second.hash)
        _ = try files.write(third.bodyBytes, to: "third.json")
        let later = try custodian("approve", path("third.json"), "--manifests", path("two"), "--yes")
        #expect(later.code == 0, "\(later.said)")
        #expect(try pinnedVersion() == 2)
        // From here on a manifest 2 of others is refused, and so is what follows from one.
        let refused = try custodian("approve", path("manifest.json"), "--yes", "--out", path("again.sig"))
        #expect(refused.code == 1 && refused.said.contains("version 2 was seen before"), "\(refused.said)")
        try write([quorum.genesis, next], to: "fork")
        (third.previous, third.dials) = (next.hash, next.dials)
        _ = try files.write(third.bodyBytes, to: "forked.json")
        for arguments in [[path("forked.json")], [path("forked.json"), "--manifests", path("fork")]] {
            let program = [
                try BuildProduct.path(of: "vault-appliance"), "custodian", "approve", "--home", path("home"),
            ]
            let done = try Program.run(program + arguments + ["--yes", "--out", path("fork.sig")])
            #expect(done.status == 1 && done.errors.contains("does not follow"), "\(done.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: path("fork.sig")))
    }
}
