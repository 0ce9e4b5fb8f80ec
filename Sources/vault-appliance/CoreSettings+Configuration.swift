import AuditLog
import Custody
import Glibc
import VaultAppliance
import VaultCore

extension CoreSettings {
    /// The core's share of a configuration file.
    init(loading file: String) throws {
        try self.init(try Configuration.load(file: file))
    }

    /// The core's share of a configuration.
    init(_ configuration: Configuration) throws(StartError) {
        let core = configuration.core
        self.init(
            configurationFile: configuration.file, issuer: configuration.issuer, frontSocket: core.frontSocket,
            adminSocket: core.adminSocket,
            frontUsers: try Self.users(core.frontUsers, "core.front_users", configuration.file),
            adminUsers: try Self.users(core.adminUsers, "core.admin_users", configuration.file),
            manifestFile: core.manifestFile ?? CustodyDirectory(path: core.custodyDirectory ?? "").manifests,
            custody: core.custody.rawValue, tokens: Self.tokens(configuration),
            logDirectory: configuration.audit.directory,
            logOrigin: configuration.audit.origin,
            checkpointInterval: .seconds(configuration.audit.checkpointInterval),
            headroom: configuration.audit.headroom,
            keys: configuration.keys.map {
                KeyPlan(
                    label: $0.label, purpose: $0.purpose.rawValue, algorithm: $0.algorithm.rawValue, types: $0.types,
                    maximumLifetime: $0.maximumLifetime)
            })
        logOptions = AuditLogOptions(configuration.audit)
        witnesses = configuration.audit.witnesses.map(\.key)
        witnessQuorum = configuration.audit.witnessQuorum
        onCallFile = core.onCallFile
        custodyDirectory = core.custodyDirectory
    }

    private static func tokens(_ configuration: Configuration) -> [Token] {
        configuration.hsm.tokens.map { token in
            Token(
                field: token.field, module: token.module, uri: token.token, pinFile: token.pinFile,
                lanes: token.lanes, queueCapacity: token.queue)
        }
    }

    /// Numeric users; without any the core's own user alone.
    private static func users(_ names: [String]?, _ field: String, _ file: String) throws(StartError) -> Set<UInt32> {
        guard let names else { return [getuid()] }
        var users: Set<UInt32> = []
        for name in names {
            if let number = UInt32(name) {
                users.insert(number)
            } else if let number = userID(named: name) {
                users.insert(number)
            } else {
                throw StartError(
                    file: file, field: field, problem: "\(name) is not a user of this machine",
                    mend: "create the user, or give its number")
            }
        }
        return users
    }

    private static func userID(named name: String) -> UInt32? {
        // Safety: getpwnam returns memory of its own that stays valid until the next call; the one field is copied at once,
        // and commands start on one thread.
        unsafe getpwnam(name).map { unsafe $0.pointee.pw_uid }
    }
}

extension AuditLogOptions {
    /// How the configuration wants the log kept.
    init(_ audit: Configuration.Audit) {
        self.init()
        checkpointInterval = .seconds(audit.checkpointInterval)
        headroom = audit.headroom
        strict = audit.strict
        lastCheckpointFile = audit.lastCheckpointFile
        shardEntries = UInt64(clamping: audit.shardEntries)
        shardAge = audit.shardAge
        maximumClockJump = .seconds(audit.maximumClockJump)
    }
}
