import AuditLog
import Custody
import Glibc
import HSMBridge
import StrictEncoding
import Synchronization
import VaultAppliance
import VaultCore

/// The desk at which a ceremony is held: in this process for a genesis, for which there is no core yet, else in the core.
struct CeremonyAccess {
    private enum Place {
        case here(CeremonyDesk)
        case core(socket: String)
    }

    private let place: Place
    /// What a genesis is held with; nil for a ceremony in the core.
    let site: GenesisSite?

    init(configuration file: String, isGenesis: Bool) throws {
        let settings = try CoreSettings(loading: file)
        guard isGenesis else {
            (place, site) = (.core(socket: settings.adminSocket), nil)
            return
        }
        let site = try GenesisSite(
            settings: settings, child: TokenChild(), clock: systemClock, build: { try Executable.hash() },
            ask: { (prompt) throws(HSMError) in try PIN(promptingAtTerminal: prompt) })
        self.site = site
        place = .here(CeremonyDesk(Self.office(site)))
    }

    /// The core's admin socket; nil for a genesis.
    var socket: String? {
        if case .core(let socket) = place { socket } else { nil }
    }

    /// Executes one command of the desk.
    func call(_ command: String, _ members: JSONObject = [:]) async throws -> JSONValue {
        switch place {
        case .core(let socket):
            var object = members
            object["command"] = .string(command)
            return try await AdminClient.call(.object(object), socket: socket, within: .seconds(300))
        case .here(let desk):
            var reader = try ObjectReader(.object(members))
            return try await desk.execute(command, &reader, user: getuid())
        }
    }

    /// The bytes of a file of a ceremony that people look at.
    func read(_ file: String, of id: String) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        var size: Int64?
        repeat {
            var members: JSONObject = ["id": .string(id), "file": .string(file)]
            // A core gives long files in pieces.
            if !bytes.isEmpty { members["offset"] = .integer(Int64(bytes.count)) }
            let answer = try await call("ceremony-read", members)
            guard let piece = answer.object?["content"]?.string.flatMap({ Base64URL.decode($0) }) else {
                throw CommandFailure("\(file): the answer cannot be read")
            }
            size = piece.isEmpty ? nil : answer.object?["size"]?.integer
            bytes += piece
        } while size.map { Int64(bytes.count) < $0 } ?? false
        return bytes
    }

    /// The manifests that the core has.
    func manifests() async throws -> [Manifest] { try await Offer.chain(socket: socket ?? "").manifests }

    /// In what states the core has its keys now, by thumbprint: an order may have quarantined one since the manifest.
    func keyStates() async throws -> [String: ManifestKey.State] {
        let status = try await AdminClient.call(["command": "status"], socket: socket ?? "")
        var states: [String: ManifestKey.State] = [:]
        for key in (status.object?["keys"]?.array ?? []).compactMap(\.object) {
            guard let kid = key["kid"]?.string else { continue }
            states[kid] = key["state"]?.string.flatMap { ManifestKey.State(rawValue: $0) }
        }
        return states
    }

    /// One genesis at a time lives as long as this process: what it holds in memory must outlive a step.
    private static func office(_ site: GenesisSite) -> CeremonyDesk.Office {
        let held = Mutex<[String: Genesis]>([:])
        return CeremonyDesk.Office(
            root: site.custody.ceremonies,
            manifests: {
                guard try PrivateFile.names(in: site.custody.manifests).isEmpty else {
                    return try site.custody.readChain().manifests
                }
                return []
            },
            withRunner: { ceremony, body in
                let genesis = try held.withLock { (held) throws(CustodyError) in
                    if let genesis = held[ceremony.plan.id] { return genesis }
                    let genesis = try Genesis(ceremony, site: site)
                    held[ceremony.plan.id] = genesis
                    return genesis
                }
                return try await body(genesis.runner())
            }, clock: site.clock, random: randomBytes, holds: { $0 == .genesis })
    }
}
