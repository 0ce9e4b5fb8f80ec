import AuditLog
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
            manifestFile: core.manifestFile, custody: core.custody.rawValue, tokens: try Self.tokens(configuration),
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
        onCallFile = core.onCallFile
    }

    private static func tokens(_ configuration: Configuration) throws(StartError) -> [Token] {
        var tokens: [Token] = []
        for token in configuration.hsm.tokens {
            guard let pinFile = token.pinFile else {
                throw StartError(
                    file: configuration.file, field: "\(token.field).pin_file", problem: "is missing",
                    mend: "under development custody the core reads its PIN from a file")
            }
            tokens.append(
                Token(
                    field: token.field, module: token.module, uri: token.token, pinFile: pinFile, lanes: token.lanes,
                    queueCapacity: token.queue))
        }
        return tokens
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
