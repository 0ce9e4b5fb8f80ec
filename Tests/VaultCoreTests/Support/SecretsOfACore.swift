import AuditLog
import CoreProtocol
import Custody
import Foundation
import NIOCore
import StrictEncoding

@testable import VaultCore

/// What a person does with the secrets of a core in a test, without a person.
struct SecretsOfACore {
    let fixture: CoreFixture

    /// A value that must be nowhere but where it is used.
    static let value = Array("provider-secret-canary-7d1e".utf8)

    var directory: String { fixture.core.settings.secretsDirectory }

    /// An envelope as the command makes it.
    func envelope(
        _ name: String = "crm", version: Int64 = 1, _ value: [UInt8] = value,
        change: (inout Manifest) -> Void = { _ in }
    ) throws -> SealedSecret {
        var manifest = fixture.core.manifest
        change(&manifest)
        return try SealedSecret(
            sealing: try LockedBytes(copying: value), name: name, version: version, appliance: manifest.appliance,
            manifest: manifest.version, recipients: try manifest.secretRecipients, now: fixture.site.clock.now)
    }

    @discardableResult
    func command(_ json: JSONValue) async throws(CoreError) -> JSONValue {
        try await fixture.core.execute(ByteBuffer(json: json))
    }

    /// Hands an envelope to the core.
    @discardableResult
    func store(_ envelope: SealedSecret, rotate: Bool = false) async throws(CoreError) -> JSONValue {
        try await command([
            "command": "secret-store", "rotate": .bool(rotate),
            "envelope": .string(String(decoding: envelope.bytes, as: UTF8.self)),
        ])
    }

    func remove(_ name: String = "crm", version: Int64 = 1) async throws(CoreError) {
        try await command([
            "command": "secret-remove", "name": .string(name), "version": .integer(version),
            "appliance": .string(fixture.core.manifest.appliance), "signature": .null,
        ])
    }

    /// What the front says when it wants to use a secret.
    static func request(_ name: String = "crm", _ change: (inout Entry) -> Void = { _ in }) -> OpenRequest {
        var entry = Entry(kind: .secretOpened)
        entry.requestID = "request-1"
        entry.client = "gateway"
        entry.user = .init(iss: nil, sub: "alice")
        entry.target = "crm"
        entry.secret = name
        entry.bundle = String(repeating: "ab", count: 32)
        change(&entry)
        return OpenRequest(entry: entry, patience: .seconds(20))
    }

    func open(_ name: String = "crm", _ change: (inout Entry) -> Void = { _ in }) async throws(CoreError)
        -> OpenedSecret
    {
        try await fixture.core.open(Self.request(name, change))
    }

    func code(_ body: () async throws -> Void) async -> CoreError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? CoreError)?.code
        }
    }

    /// The file of a secret's envelope.
    func file(_ name: String = "crm") -> URL { URL(filePath: "\(directory)/\(name).json") }
}

extension OpenedSecret {
    var bytes: [UInt8] { value.withSpan { span in span.indices.map { span[$0] } } }
}
