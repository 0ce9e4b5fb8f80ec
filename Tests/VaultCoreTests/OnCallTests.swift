import AuditLog
import CoreProtocol
import Custody
import Foundation
import NIOCore
import StrictEncoding
import Testing

@testable import VaultCore

/// What people on call may do, each under a key of their own: narrow, for a time, and nothing else.
@Suite(.timeLimit(.minutes(10))) struct OnCallTests {
    /// A core with one person on call.
    private func run(_ body: (CoreFixture, SSHPrivateKey) async throws -> Void) async throws {
        let anna = try SSHPrivateKey()
        try await CoreFixture.run(changing: { $0.onCallFile = $0.logDirectory + ".on-call" }) { fixture in
            try write("# on call this week\nanna \(anna.publicKey.line) anna@laptop\n", fixture)
            try await body(fixture, anna)
        }
    }

    private func write(_ text: String, _ fixture: CoreFixture, mode: Int = 0o600) throws {
        let path = try #require(fixture.core.settings.onCallFile)
        try Data(text.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private func statement(
        _ fixture: CoreFixture, _ kind: CutOff.Kind = .user, _ name: String = "alice", issuer: String? = nil,
        duration: Int64 = 3600, appliance: String? = nil, nonce: String = UUID().uuidString, after: Int64 = 0
    ) -> CutOffStatement {
        CutOffStatement(
            appliance: appliance ?? fixture.core.manifest.appliance, kind: kind, name: name, issuer: issuer,
            duration: duration, nonce: nonce, reason: "her laptop was stolen",
            now: fixture.site.clock.now.adding(seconds: after))
    }

    private func handIn(
        _ fixture: CoreFixture, _ statement: [UInt8], _ key: SSHPrivateKey,
        namespace: String = CutOffStatement.namespace
    ) async throws -> JSONValue {
        try await handIn(fixture, statement, signature: try key.sign(statement, namespace: namespace))
    }

    private func handIn(
        _ fixture: CoreFixture, _ statement: [UInt8], signature: String
    ) async throws(CoreError) -> JSONValue {
        try await fixture.core.execute(
            ByteBuffer(json: [
                "command": "cutoff", "statement": .string(String(decoding: statement, as: UTF8.self)),
                "signature": .string(signature),
            ]))
    }

    private func code(_ body: () async throws -> Void) async -> CoreError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? CoreError)?.code
        }
    }

    @Test func aSignedStatementIsInForceAndInTheLogUnderThePersonsNameWhenTheCommandReturns() async throws {
        try await run { fixture, anna in
            try await fixture.loadBundle()
            let statement = statement(fixture)
            let answer = try await handIn(fixture, statement.bytes, anna)
            #expect(answer.object?["leaf"] == 2)
            #expect(await code { _ = try await fixture.core.sign(fixture.draft().request) } == .cutOff)
            let entry = try #require(try fixture.entries().last)
            #expect(entry.kind == .cutoff && entry.subject == .init(iss: nil, sub: "alice"))
            #expect(entry.operator == "anna \(anna.publicKey.fingerprint)" && entry.until == statement.until)
            #expect(entry.reason == "her laptop was stolen" && entry.custody == "development")
            let list = try await fixture.core.execute(ByteBuffer(json: ["command": "cutoffs"]))
            #expect(list.object?["cutoffs"]?.array?.first?.object?["name"] == "alice")
        }
    }

    @Test func aCutOffOutlivesARestartAndEndsByItself() async throws {
        try await CoreSite.withGenesis { site in
            var site = site
            site.settings.onCallFile = site.settings.logDirectory + ".on-call"
            let first = try await site.start()
            let fixture = CoreFixture(site: site, core: first, fatal: FatalErrors())
            let anna = try SSHPrivateKey()
            try write("anna \(anna.publicKey.line)\n", fixture)
            _ = try await handIn(fixture, statement(fixture).bytes, anna)
            await first.shutdown()
            let second = try await site.start()
            let again = CoreFixture(site: site, core: second, fatal: FatalErrors())
            try await again.loadBundle()
            #expect(await code { _ = try await second.sign(again.draft().request) } == .cutOff)
            site.clock.move(seconds: 3600)
            #expect(await code { _ = try await second.sign(again.draft().request) } == nil)
            await second.shutdown()
        }
    }

    @Test("who may not, or does not say exactly what, changes nothing", arguments: OnCallFault.allCases)
    func refused(fault: OnCallFault) async throws {
        try await run { fixture, anna in
            let key = fault == .stranger ? try SSHPrivateKey() : anna
            var statement = statement(fixture)
            var namespace = CutOffStatement.namespace
            switch fault {
            case .otherNamespace: namespace = "file"
            case .otherAppliance: statement = self.statement(fixture, appliance: "another-appliance")
            case .expired: fixture.site.clock.move(seconds: CutOffStatement.life)
            case .made: statement = self.statement(fixture, after: 120)
            case .tooLong: statement = self.statement(fixture, duration: 8 * 86_400)
            case .over: statement = self.statement(fixture, duration: 0)
            case .shortNonce: statement = self.statement(fixture, nonce: "short")
            case .issuerOfTarget: statement = self.statement(fixture, .target, "crm", issuer: "https://idp.example")
            case .writable: try write("anna \(anna.publicKey.line)\n", fixture, mode: 0o620)
            case .unreadableLine: try write("anna \(anna.publicKey.line)\nbob ssh-dss AAAA\n", fixture)
            case .pattern: try write("*@acme.example \(anna.publicKey.line)\n", fixture)
            case .twoPeople:
                try write("anna \(anna.publicKey.line)\nbob \(anna.publicKey.line)\n", fixture)
            case .noFile: try FileManager.default.removeItem(atPath: try #require(fixture.core.settings.onCallFile))
            case .stranger, .altered, .notCanonical: break
            }
            var bytes = statement.bytes
            if fault == .notCanonical { bytes.insert(0x20, at: 1) }
            let signature = try key.sign(bytes, namespace: namespace)
            if fault == .altered { bytes = self.statement(fixture, .user, "bob", nonce: statement.nonce).bytes }
            let expected: CoreError.Code = fault == .notCanonical ? .malformed : .refused
            #expect(await code { _ = try await handIn(fixture, bytes, signature: signature) } == expected)
            #expect(try fixture.entries().map(\.kind) == [.adminCoreStarted])
            #expect(fixture.core.revocations.counts.cutOffs == 0)
        }
    }

    @Test func aStatementIsTakenOnceAlsoAfterARestart() async throws {
        try await CoreSite.withGenesis { site in
            var site = site
            site.settings.onCallFile = site.settings.logDirectory + ".on-call"
            let first = try await site.start()
            let fixture = CoreFixture(site: site, core: first, fatal: FatalErrors())
            let anna = try SSHPrivateKey()
            try write("anna \(anna.publicKey.line)\n", fixture)
            let bytes = statement(fixture).bytes
            _ = try await handIn(fixture, bytes, anna)
            #expect(await code { _ = try await handIn(fixture, bytes, anna) } == .refused)
            #expect(first.revocations.counts.cutOffs == 1)
            await first.shutdown()
            let second = try await site.start()
            let again = CoreFixture(site: site, core: second, fatal: FatalErrors())
            #expect(await code { _ = try await handIn(again, bytes, anna) } == .refused)
            #expect(second.revocations.counts.cutOffs == 1)
            #expect(try again.entries().filter { $0.kind == .cutoff }.count == 1)
            // Another statement is another matter.
            _ = try await handIn(again, statement(again, .user, "bob").bytes, anna)
            #expect(second.revocations.counts.cutOffs == 2)
            await second.shutdown()
        }
    }

    @Test func withoutAListNobodyMayAndNoCommandEndsACutOff() async throws {
        try await CoreFixture.run { fixture in
            let anna = try SSHPrivateKey()
            #expect(await code { _ = try await handIn(fixture, statement(fixture).bytes, anna) } == .refused)
            for command in ["cutoff-lift", "lift", "cutoff-end"] {
                let payload = ByteBuffer(json: ["command": .string(command)])
                #expect(await code { _ = try await fixture.core.execute(payload) } == .refused)
            }
        }
    }

    @Test func theNamespaceMayBeNamedInTheListAsOpenSSHWantsIt() throws {
        let anna = try SSHPrivateKey()
        let bytes = Array("statement".utf8)
        let signature = Array(try anna.sign(bytes, namespace: CutOffStatement.namespace).utf8)
        let list = try OnCallList(
            text: "anna namespaces=\"cutoff@vault-appliance\" \(anna.publicKey.line)\n")
        let signer = try list.signer(of: bytes, signature: signature, namespace: CutOffStatement.namespace)
        #expect(signer == "anna \(anna.publicKey.fingerprint)")
        #expect(throws: CoreError.self) {
            try OnCallList(text: "anna cert-authority \(anna.publicKey.line)\n")
        }
    }
}

/// One thing wrong with a statement, its signature or the list of people.
enum OnCallFault: CaseIterable {
    case stranger, otherNamespace, altered, notCanonical, otherAppliance, expired, made, tooLong, over, shortNonce
    case issuerOfTarget, writable, unreadableLine, pattern, twoPeople, noFile
}
