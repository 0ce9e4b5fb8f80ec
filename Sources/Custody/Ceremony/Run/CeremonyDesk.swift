package import StrictEncoding

/// Everything that is asked about ceremonies, in a process that can hold them: a command for a genesis, else the core.
///
/// Commands and answers are JSON, so that it is the same whether they come by call or over the admin socket.
package struct CeremonyDesk: Sendable {
    /// What a desk is given by its process.
    package struct Office: Sendable {
        /// Directory of all ceremonies.
        package var root: String
        /// The appliance's manifests, oldest first; none before the genesis.
        package var manifests: @Sendable () async throws -> [Manifest]
        /// Runs `body` with a runner that knows the steps of the ceremony's kind and records in the audit log.
        package var withRunner:
            @Sendable (Ceremony, @escaping @Sendable (CeremonyRunner) async throws -> CeremonyProgress) async throws ->
                CeremonyProgress
        package var clock: @Sendable () -> UnixTime
        /// That many random bytes.
        package var random: @Sendable (Int) -> [UInt8]
        /// Which kinds this process can hold; of the others it shows what the files say.
        package var holds: @Sendable (CeremonyKind) -> Bool

        /// An office of the given parts.
        package init(
            root: String, manifests: @escaping @Sendable () async throws -> [Manifest],
            withRunner:
                @escaping @Sendable (Ceremony, @escaping @Sendable (CeremonyRunner) async throws -> CeremonyProgress)
                async throws
                -> CeremonyProgress,
            clock: @escaping @Sendable () -> UnixTime, random: @escaping @Sendable (Int) -> [UInt8],
            holds: @escaping @Sendable (CeremonyKind) -> Bool = { _ in true }
        ) {
            self.root = root
            self.manifests = manifests
            self.withRunner = withRunner
            self.clock = clock
            self.random = random
            self.holds = holds
        }
    }

    private let office: Office

    /// The files of a ceremony that may be read through a desk: what people look at and sign.
    private static let readable = [
        "plan.json", "manifest.json", "head.json", "transcript.jsonl",
    ]

    /// A desk of an office.
    package init(_ office: Office) { self.office = office }

    /// Whether a command is one for a desk.
    package static func knows(_ command: String) -> Bool { command == "ceremonies" || command.hasPrefix("ceremony-") }

    /// Executes one command, whose name has been read; faults name the member.
    ///
    /// `user` is the user id of whoever gives it, as the kernel says: what that user says of others is written down as such.
    package func execute(
        _ command: String, _ reader: inout ObjectReader, user: UInt32
    ) async throws -> JSONValue {
        switch command {
        case "ceremonies":
            try reader.finish()
            return ["ceremonies": .array(try await list())]
        case "ceremony-draft":
            let plan = try reader.required("plan")
            try reader.finish()
            return try await draft(plan)
        default: return try await execute(command, of: try reader.string("id"), &reader, user)
        }
    }

    private func execute(
        _ command: String, of id: String, _ reader: inout ObjectReader, _ user: UInt32
    ) async throws -> JSONValue {
        let ceremony = try await ceremony(id)
        switch command {
        case "ceremony-status":
            try reader.finish()
            guard office.holds(ceremony.plan.kind) else { return try ceremony.recorded(now: office.clock()).json }
            return try await office.withRunner(ceremony) { try $0.progress() }.json
        case "ceremony-sign":
            let signature = try reader.string("signature")
            try reader.finish()
            return try ceremony.accept(signature: signature, now: office.clock()).json
        case "ceremony-step":
            try reader.finish()
            return try await office.withRunner(ceremony) { try await $0.advance() }.json
        case "ceremony-abort":
            let (reason, person) = (try reader.string("reason"), try reader.string("by"))
            try reader.finish()
            return try await office.withRunner(ceremony) {
                try await $0.abort(reason: reason, by: person, asSaidBy: CeremonyDesk.teller(user))
            }.json
        case "ceremony-note":
            let (expected, happened) = (try reader.string("expected"), try reader.string("happened"))
            let (decided, person) = (try reader.string("decided"), try reader.string("by"))
            try reader.finish()
            return try await office.withRunner(ceremony) {
                try await $0.note(
                    expected: expected, happened: happened, decided: decided, by: person,
                    asSaidBy: CeremonyDesk.teller(user))
            }.json
        case "ceremony-read":
            let name = try reader.string("file")
            try reader.finish()
            return try read(name, of: ceremony)
        default: throw SchemaFault(path: "command", problem: "is not known")
        }
    }

    /// Somebody who tells what others did, and signs nothing.
    package static func teller(_ user: UInt32) -> String { "admin user \(user)" }

    /// A new ceremony of what a person wrote; nothing is done but to write it down.
    private func draft(_ value: JSONValue) async throws -> JSONValue {
        let manifest = try await office.manifests().last
        let plan = try CeremonyPlan(draft: value, manifest: manifest, now: office.clock(), random: office.random)
        let directory = try CeremonyDirectory(root: office.root, id: plan.id)
        let ceremony = try Ceremony(directory, plan: plan, manifest: manifest)
        // What cannot be held leaves no trace.
        _ = try await office.withRunner(ceremony) { try $0.progress() }
        _ = try CeremonyDirectory.create(root: office.root, plan: plan)
        return try await office.withRunner(ceremony) { try $0.progress() }.json
    }

    /// The ceremony with this id.
    ///
    /// Before it begins its manifest must be the one in force; afterwards it was.
    package func ceremony(_ id: String) async throws -> Ceremony {
        let directory = try CeremonyDirectory(root: office.root, id: id)
        guard directory.exists(directory.plan) else {
            throw CustodyError(.fileRefused, "there is no ceremony \(id); ceremony status lists them")
        }
        let plan = try directory.loadPlan()
        guard plan.kind != .genesis else { return try Ceremony(directory, plan: plan, manifest: nil) }
        let manifests = try await office.manifests()
        let hasBegun = try directory.loadTranscript(plan: plan).phase != .unopened
        let base = hasBegun ? manifests.first { $0.hash == plan.manifest?.hash } : manifests.last
        return try Ceremony(directory, plan: plan, manifest: base)
    }

    private func list() async throws -> [JSONValue] {
        var found: [JSONValue] = []
        for id in try PrivateFile.names(in: office.root) where CeremonyPlan.isID(id) {
            // One that was tampered with is listed as such, and hides none of the others.
            do {
                let ceremony = try await ceremony(id)
                found.append([
                    "id": .string(id), "state": .string(try ceremony.state(now: office.clock()).rawValue),
                    "purpose": .string(ceremony.plan.purpose), "expires": .string(ceremony.plan.expires.rfc3339),
                ])
            } catch {
                found.append([
                    "id": .string(id), "state": "unreadable", "purpose": .string("\(error)"), "expires": .null,
                ])
            }
        }
        return found
    }

    private func read(_ name: String, of ceremony: Ceremony) throws -> JSONValue {
        let shares = try PrivateFile.names(in: ceremony.directory.shares).map { "shares/\($0)" }
        guard (CeremonyDesk.readable + shares).contains(name) else {
            throw CustodyError(
                .malformed, "a ceremony's files are " + (CeremonyDesk.readable + shares).joined(separator: ", "))
        }
        let bytes = try PrivateFile.readPublic(ceremony.directory.file(name))
        return ["file": .string(name), "content": .string(Base64URL.string(bytes))]
    }
}
