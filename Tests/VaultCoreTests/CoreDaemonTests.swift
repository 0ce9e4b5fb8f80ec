import AuditLog
import CoreProtocol
import Custody
import Foundation
import NIOCore
import NIOPosix
import StrictEncoding
import Testing
import VaultCore
import VaultTesting

@Suite(.timeLimit(.minutes(10))) struct CoreDaemonTests {
    @Test func allFourCallsOfTheFrontTravelOverItsSocket() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.serving {
                let connection = try await fixture.connect(fixture.site.settings.frontSocket)
                defer { connection.close() }
                let session = CoreSession(connection: connection)
                let description = try await session.describe()
                #expect(description.instance == fixture.core.instance && description.keys.count == 8)
                var entry = Entry(kind: .configLoaded)
                entry.bundle = String(repeating: "ab", count: 32)
                let loaded = try await session.append(entry)
                #expect(loaded == 1)
                let draft = try fixture.draft()
                let record = try await session.sign(draft.request)
                #expect(record.index == 2 && record.signature.count == 64)
                let handshake =
                    [UInt8](repeating: 0x20, count: 64) + Array("TLS 1.3, server CertificateVerify".utf8)
                    + [UInt8](repeating: 0, count: 33)
                let signature = try await session.tlsSign(key: fixture.key("tls-public").kid, data: handshake)
                #expect(signature.first == 0x30)
            }
            let entries = try fixture.entries()
            #expect(entries.map(\.kind) == [.adminCoreStarted, .configLoaded, .mint, .adminCoreStopped])
        }
    }

    @Test("the front's socket answers the front's calls alone", arguments: [CoreFrame.Kind.admin, .success, .failure])
    func frontSocket(kind: CoreFrame.Kind) async throws {
        try await refuses(\.frontSocket, kind, ByteBuffer(json: ["command": "status"]))
    }

    @Test(
        "the admin socket answers commands and describe alone",
        arguments: [CoreFrame.Kind.sign, .append, .tlsSign, .success, .failure])
    func adminSocket(kind: CoreFrame.Kind) async throws {
        try await CoreFixture.run { fixture in
            let draft = try fixture.draft()
            var append = ByteBuffer()
            append.writeField(Entry(kind: .denied).canonicalBytes)
            try await fixture.serving {
                let connection = try await fixture.connect(fixture.site.settings.adminSocket)
                defer { connection.close() }
                let payload = kind == .sign ? draft.request.payload : append
                let code = await refusal(connection, kind, payload)
                #expect(code == .refused)
                _ = try await CoreSession(connection: connection).describe()
            }
            #expect(try fixture.entries().map(\.kind) == [.adminCoreStarted, .adminCoreStopped])
        }
    }

    @Test("a call that cannot be read is malformed", arguments: [CoreFrame.Kind.sign, .append, .tlsSign])
    func unreadable(kind: CoreFrame.Kind) async throws {
        var field = ByteBuffer()
        field.writeField("{}".utf8)
        let payloads = [ByteBuffer(), ByteBuffer(string: "nonsense"), field]
        try await CoreFixture.run { fixture in
            try await fixture.serving {
                let connection = try await fixture.connect(fixture.site.settings.frontSocket)
                defer { connection.close() }
                for payload in payloads {
                    let code = await refusal(connection, kind, payload)
                    #expect(code == .malformed)
                }
            }
        }
    }

    @Test(
        "a command that is none is refused",
        arguments: [
            ("", CoreError.Code.malformed), ("{}", .malformed), ("[]", .malformed), (#"{"command":1}"#, .malformed),
            (#"{"command":"status","x":1}"#, .malformed), (#"{"command":"seal"}"#, .refused),
            (#"{"command":"status"}{}"#, .malformed), (#"{"command":"status","command":"status"}"#, .malformed),
        ])
    func commands(text: String, expected: CoreError.Code) async throws {
        try await CoreFixture.run { fixture in
            try await fixture.serving {
                let connection = try await fixture.connect(fixture.site.settings.adminSocket)
                defer { connection.close() }
                let code = await refusal(connection, .admin, ByteBuffer(string: text))
                #expect(code == expected)
            }
        }
    }

    @Test func theStatusSaysCustodyTokenLogAndKeys() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.serving {
                let connection = try await fixture.connect(fixture.site.settings.adminSocket)
                defer { connection.close() }
                var reply = try await connection.call(
                    .admin, ByteBuffer(json: ["command": "status"]), within: .seconds(30))
                let status = try #require(reply.readJSON()?.object)
                #expect(status["state"] == "active" && status["custody"] == "development")
                #expect(status["hsm"]?.array?.first?.object?["token"] == .string(fixture.site.token.label))
                #expect(status["log"]?.object?["size"] == 1)
                #expect(status["keys"]?.array?.count == 8)
                let text = String(decoding: JSONWriter.canonical(.object(status)), as: UTF8.self)
                #expect(!text.contains(fixture.site.token.pin))
            }
        }
    }

    @Test("a daemon that cannot have both sockets shuts its core down", arguments: ["front", "admin"])
    func takenSocket(name: String) async throws {
        try await CoreFixture.run { fixture in
            let settings = fixture.site.settings
            let taken = name == "front" ? settings.frontSocket : settings.adminSocket
            try await TestSocket.run(path: taken) { _ in
                let daemon = CoreDaemon(
                    core: fixture.core, group: .singletonMultiThreadedEventLoopGroup, logger: .silent)
                let error = await #expect(throws: StartError.self) { try await daemon.run() }
                #expect(error?.file == taken && error?.problem == "another core answers on this socket")
                let kinds = try fixture.entries().map(\.kind)
                #expect(kinds == [.adminCoreStarted, .adminCoreStopped])
                let sockets = [settings.frontSocket, settings.adminSocket].filter(FileManager.default.fileExists)
                #expect(sockets == [taken])
            }
        }
    }

    @Test func theSocketsAreGoneWhenTheDaemonHasEnded() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.serving {}
            for path in [fixture.site.settings.frontSocket, fixture.site.settings.adminSocket] {
                #expect(!FileManager.default.fileExists(atPath: path))
            }
        }
    }

    private func refuses(
        _ socket: KeyPath<CoreSettings, String>, _ kind: CoreFrame.Kind, _ payload: ByteBuffer
    ) async throws {
        try await CoreFixture.run { fixture in
            let path = fixture.site.settings[keyPath: socket]
            try await fixture.serving {
                let connection = try await fixture.connect(path)
                defer { connection.close() }
                let code = await refusal(connection, kind, payload)
                #expect(code == .refused)
                _ = try await CoreSession(connection: connection).describe()
            }
        }
    }

    private func refusal(
        _ connection: CoreConnection, _ kind: CoreFrame.Kind, _ payload: ByteBuffer
    ) async -> CoreError.Code? {
        do {
            _ = try await connection.call(kind, payload, within: .seconds(30))
            return nil
        } catch {
            return error.code
        }
    }
}
