import ArgumentParser
import AuditLog
import StrictEncoding
import VaultAppliance
import VaultCore

/// Who does something to the log, and why: both stand in its entry.
struct PersonOptions: ParsableArguments {
    @Option(help: "Who you are: the fingerprint of your SSH key, or the name people know you by.") var `operator`:
        String
}

/// `audit accept-time`: a person vouches for the clock.
struct AuditAcceptTime: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept-time", abstract: "Vouch for the clock after it has jumped, so that the log goes on.",
        discussion: """
            The log refuses a clock that is more than a second behind its last entry, and one that has jumped forward by more \
            than audit.max_clock_jump while the core ran. Mend the clock first. Then this command records, under your name, that it is \
            right now; the entry is the only one whose time may be before that of the entry before it.
            """)

    @OptionGroup var options: ConfigurationOption
    @OptionGroup var person: PersonOptions
    @Option(help: "Why the clock is right now, in a few words.") var reason: String
    @Flag(help: "Print JSON for machines.") var json = false

    func run() async throws {
        let settings = try CoreSettings(loading: options.config)
        let answer = try await AdminClient.call(
            ["command": "audit-accept-time", "operator": .string(person.operator), "reason": .string(reason)],
            socket: settings.adminSocket)
        if json { return Terminal.print(json: answer) }
        print("accepted: the log goes on at \(answer.object?["time"]?.string ?? "-")")
    }
}

/// `audit prune`: removes the entries of a closed shard.
struct AuditPrune: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove the entries of a closed shard; its final checkpoint stays.",
        discussion: """
            Fetch or export the shard, and verify the copy, before you prune it: what is gone is gone. The core verifies the \
            shard once more (a minute for some millions of entries), records the pruning under your name, and keeps the few entries \
            that still say what is in force, with their proofs.
            """)

    @OptionGroup var options: ConfigurationOption
    @OptionGroup var person: PersonOptions
    @Option(help: "Number of the closed shard.") var shard: UInt64
    @Flag(help: "Print JSON for machines.") var json = false

    func run() async throws {
        let settings = try CoreSettings(loading: options.config)
        let answer = try await AdminClient.call(
            [
                "command": "audit-prune", "operator": .string(person.operator),
                "shard": .integer(Int64(clamping: shard)),
            ], socket: settings.adminSocket, within: .seconds(3600))
        if json { return Terminal.print(json: answer) }
        print("pruned: shard \(shard), \(answer.object?["size"]?.integer ?? 0) entries; its checkpoint stays")
    }
}

/// `audit restore`: goes on with an older copy of the log.
struct AuditRestore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Accept that the log is older than its last checkpoint; the core must be stopped.",
        discussion: """
            Entries that were recorded and signed are lost by this. Look for a newer copy first: collectors and witnesses may \
            have one. What you decide here is recorded under your name as the first entry after the next start, with what is lost.
            """)

    @OptionGroup var options: ConfigurationOption
    @OptionGroup var person: PersonOptions
    @Option(help: "Why there is no newer copy, in a few words.") var reason: String
    @Flag(help: "Print JSON for machines.") var json = false

    func run() async throws {
        let settings = try CoreSettings(loading: options.config)
        guard let record = settings.logOptions.lastCheckpointFile else {
            throw CommandFailure("audit.last_checkpoint: is not configured, so nothing is refused")
        }
        let (lost, found) = try Restoration.accept(
            directory: settings.logDirectory, record: record, origin: settings.logOrigin, operator: person.operator,
            reason: reason)
        if json {
            return Terminal.print(json: [
                "found_size": .integer(Int64(clamping: found.size)), "found_origin": .string(found.origin),
                "lost_size": lost.map { .integer(Int64(clamping: $0.size)) } ?? .null,
                "lost_origin": lost.map { .string($0.origin) } ?? .null,
            ])
        }
        print("the log has    \(found.size) entries of \(found.origin)")
        print("it had had     \(lost.map { "\($0.size) entries of \($0.origin)" } ?? "nobody knows how many")")
        print("accepted: start the core; its first entry says so")
    }
}
