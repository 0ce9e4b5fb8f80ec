import Custody
package import HSMBridge
import StrictEncoding

/// How one configured token stands at one moment; taking it never waits for the token.
package struct HSMStanding: Sendable {
    /// How the configuration names it.
    package let settings: CoreSettings.Token
    /// Nil while the token is not open.
    package let hsm: HSM?
    /// Nil while the token is not open.
    package let status: HSMStatus?
    /// Label and serial number; from the manifest while the token is away, if it can be told which one it is.
    package let label: String
    package let serial: String?
    private let problem: StartError?

    init(token: CoreSettings.Token, hsm: HSM?, problem: StartError?, manifest: Manifest) {
        settings = token
        self.hsm = hsm
        status = hsm?.status
        self.problem = problem
        let known = hsm == nil ? manifest.tokens.first { Self.uri(token.uri, names: $0) } : nil
        label = hsm?.profile.info.label ?? known?.label ?? token.field
        serial = hsm?.profile.info.serial ?? known?.serial
    }

    /// Whether its keys can be expected to sign now.
    package var isReady: Bool { status?.isReady ?? false }

    /// What is wrong with it, in words for an operator.
    package var faults: [String] {
        guard let status else { return ["is not open: \(problem?.description ?? "it has not answered yet")"] }
        return status.faults
    }

    /// Why an activation would not find it; nil while it is open, and while nothing is known against it.
    var absence: String? {
        guard hsm == nil, let problem else { return nil }
        return "hsm \(label): cannot be activated: \(problem)"
    }

    /// Whether a key of the manifest can be expected to sign now.
    func isAvailable(_ key: ManifestKey) -> Bool {
        guard let status, key.token == serial else { return false }
        return status.isReady && !status.quarantinedKeys.contains(key.label) && !status.missingKeys.contains(key.label)
    }

    /// The token as `status` shows it.
    var json: JSONValue {
        var object = JSONObject([
            .init(name: "token", value: .string(label)),
            .init(name: "serial", value: serial.map { .string($0) } ?? .null),
            .init(name: "module", value: .string(settings.module)), .init(name: "ready", value: .bool(isReady)),
            .init(name: "faults", value: .array(faults.map { .string($0) })),
        ])
        guard let status else { return .object(object) }
        object["login"] = .string(status.login.rawValue)
        object["breaker"] = .string(status.breaker.rawValue)
        object["lanes"] = .integer(Int64(status.lanes))
        object["lanes_written_off"] = .integer(Int64(clamping: status.lanesWrittenOff))
        object["library_restarts"] = .integer(Int64(clamping: status.libraryRestarts))
        object["queue_depth"] = .integer(Int64(status.queueDepth))
        object["sessions"] = .integer(Int64(status.openSessions))
        object["signatures"] = .integer(Int64(clamping: status.signatures))
        return .object(object)
    }

    static func uri(_ uri: String, names token: ManifestToken) -> Bool {
        guard let uri = try? TokenURI(uri) else { return false }
        guard uri.token != nil || uri.serial != nil else { return false }
        return (uri.token ?? token.label) == token.label && (uri.serial ?? token.serial) == token.serial
    }
}
