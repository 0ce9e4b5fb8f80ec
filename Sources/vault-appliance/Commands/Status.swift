import ArgumentParser
import CoreProtocol
import NIOCore
import NIOPosix
import StrictEncoding
import VaultAppliance
import VaultCore

/// `status`: what an operator wants to know first.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say how the core and the front are: custody, HSM, audit log, keys, faults.",
        discussion: """
            Exits 0 when the core can sign with every key (state active, or degraded when there are warnings, as when one of \
            several tokens is away), 1 when it is sealed or faulty, when a target of the configuration has no active key, or \
            when it does not answer. What is said of the front (its ops listener) changes nothing of that.
            """)

    @OptionGroup var options: ConfigurationOption
    @Flag(help: "Print JSON for machines.") var json = false

    func run() async throws {
        let configuration = try Configuration.load(file: options.config)
        let answer = try await AdminClient.call(["command": "status"], socket: configuration.core.adminSocket)
        var object = answer.object ?? JSONObject()
        let missing = Self.targetsWithoutKey(configuration, object)
        object["faults"] = .array((object["faults"]?.array ?? []) + missing.map { .string($0) })
        object["front"] = await FrontStatus.ask(configuration.listeners.ops)
        let status = JSONValue.object(object)
        if json {
            print(String(decoding: JSONWriter.canonical(status), as: UTF8.self))
        } else {
            StatusText(status).lines.forEach { print($0) }
        }
        guard let state = object["state"]?.string, ["active", "degraded"].contains(state), missing.isEmpty else {
            throw ExitCode.failure
        }
    }

    /// Targets for which nothing can be issued: no token holds their key as an active one.
    private static func targetsWithoutKey(_ configuration: Configuration, _ status: JSONObject) -> [String] {
        let keys = (status["keys"]?.array ?? []).compactMap(\.object)
        return configuration.targets.compactMap { target in
            let states = keys.filter { $0["label"]?.string == target.key }.compactMap { $0["state"]?.string }
            guard !states.contains("active") else { return nil }
            let known = states.isEmpty ? "" : ", \(Set(states).sorted().joined(separator: ", "))"
            return "target \(target.name): no active key (\(target.key)\(known))"
        }
    }
}

/// The admin socket as the commands use it.
enum AdminClient {
    /// The keys of a listener, one in each token.
    static func listenerKeys(
        _ label: String, _ configuration: Configuration
    ) async throws -> [KeyDirectory.ListenerKey] {
        let keys = KeyDirectory(issuer: configuration.issuer)
        keys.update(try await describe(socket: configuration.core.adminSocket))
        let found = keys.listenerKeys(label: label)
        guard !found.isEmpty else { throw CommandFailure("the core has no TLS key \(label); see status") }
        return found
    }

    /// What the core says of its keys.
    static func describe(socket: String) async throws -> CoreDescription {
        do {
            let connection = try await CoreConnection.connect(
                path: socket, group: .singletonMultiThreadedEventLoopGroup)
            defer { connection.close() }
            return try await CoreSession(connection: connection).describe()
        } catch  where error.code == .unreachable {
            throw PlainError.core(error)
        }
    }

    /// Sends one command and returns the core's answer.
    static func call(
        _ command: JSONValue, socket: String, within patience: Duration = .seconds(10)
    ) async throws -> JSONValue {
        do {
            let connection = try await CoreConnection.connect(
                path: socket, group: .singletonMultiThreadedEventLoopGroup)
            defer { connection.close() }
            var reply = try await connection.call(.admin, ByteBuffer(json: command), within: patience)
            guard let answer = reply.readJSON() else { throw CoreError(.malformed, "an answer that cannot be read") }
            return answer
        } catch let error as CoreError where error.code == .unreachable {
            throw PlainError.core(error)
        }
    }
}

/// The status as lines for people.
struct StatusText {
    let lines: [String]

    init(_ status: JSONValue) {
        func text(_ path: String...) -> String {
            var value: JSONValue? = status
            for name in path { value = value?.object?[name] }
            switch value {
            case .string(let text): return text
            case .integer(let number): return String(number)
            case .bool(let flag): return flag ? "yes" : "no"
            default: return "-"
            }
        }
        var lines = [
            "state        \(text("state"))",
            "custody      \(text("custody"))"
                + (text("custody") == "development" ? "  (nobody vouches for these keys)" : ""),
            "appliance    \(text("appliance")), manifest \(text("manifest", "version"))",
            "core         \(text("version")) (\(text("build").prefix(16)))",
            "audit log    \(text("log", "size")) entries, \(text("log", "checkpoint_size")) under the checkpoint of \(text("log", "checkpoint_time"))",
        ]
        for token in status.object?["hsm"]?.array ?? [] { lines.append(Self.line(token: token.object)) }
        lines += FrontStatus.lines(status.object?["front"]?.object)
        lines += Self.activation(status.object?["activation"]?.object)
        lines += Self.dials(status.object?["dials"]?.object)
        for fault in status.object?["faults"]?.strings ?? [] { lines.append("fault        \(fault)") }
        for warning in status.object?["warnings"]?.strings ?? [] { lines.append("warning      \(warning)") }
        for key in status.object?["keys"]?.array ?? [] {
            let key = key.object
            func member(_ name: String) -> String { key?[name]?.string ?? "-" }
            lines.append(
                "key          \(member("label"))  \(member("alg"))  \(member("purpose"))  \(member("state"))  \(member("kid"))"
            )
        }
        self.lines = lines
    }

    /// Where custody stands: who has contributed to which request, or how the core came to life.
    private static func activation(_ activation: JSONObject?) -> [String] {
        guard let activation else { return [] }
        func names(_ object: JSONObject?, _ name: String) -> String {
            (object?[name]?.strings ?? []).joined(separator: ", ")
        }
        var lines = [
            "custodians   any \(activation["threshold"]?.integer ?? 0) of \(names(activation, "custodians")) "
                + "(epoch \(activation["epoch"]?.integer ?? 0))"
        ]
        if let stalest = activation["stalest_custodian"]?.string {
            let proven = activation["last_proven"]?.object?[stalest]?.string
            lines.append("             \(stalest) opened a share least recently: \(proven ?? "never yet")")
        }
        if let by = activation["activated_by"]?.string {
            let people = names(activation, "activated_custodians")
            lines.append(
                "activated    \(activation["activated"]?.string ?? "-") by \(people.isEmpty ? by : people)"
                    + (people.isEmpty ? "  (no custodian was asked)" : ""))
        }
        for request in activation["requests"]?.array ?? [] {
            let request = request.object
            lines.append(
                "request      \(request?["words"]?.string ?? "-")  open until \(request?["expires"]?.string ?? "-")")
            let contributed = names(request, "contributed")
            lines.append(
                "             contributed: \(contributed.isEmpty ? "nobody yet" : contributed); missing: "
                    + "\(names(request, "missing")); \(request?["needed"]?.integer ?? 0) more needed")
        }
        if let seconds = activation["restart_grace_left"]?.integer {
            lines.append("restart      within \(seconds) s needs no custodians")
        }
        return lines
    }

    /// What the custodians have relaxed or demanded.
    private static func dials(_ dials: JSONObject?) -> [String] {
        guard let dials else { return [] }
        let texts = dials.members.map { dial in
            let value = dial.value.integer.map { "\($0)" } ?? (dial.value.bool == true ? "on" : "off")
            return "\(dial.name) \(value)"
        }
        return ["dials        \(texts.joined(separator: ", "))"]
    }

    private static func line(token: JSONObject?) -> String {
        func text(_ name: String) -> String { token?[name]?.string ?? token?[name]?.integer.map { "\($0)" } ?? "-" }
        let name = "hsm          \(text("token")) (serial \(text("serial"))): "
        guard token?["login"] != nil else { return name + "not open" }
        return name + "\(text("login")), breaker \(text("breaker")), \(text("lanes")) lanes, "
            + "\(text("lanes_written_off")) written off, queue \(text("queue_depth"))"
    }
}
