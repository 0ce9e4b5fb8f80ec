extension Configuration {
    /// How the core is reached and what it trusts.
    package struct Core: Sendable, Equatable {
        /// Who vouches for the manifest.
        package enum Custody: String, Sendable, CaseIterable {
            /// Nobody: for development and tests, shown everywhere.
            case development
            /// A quorum of custodians.
            case quorum
        }

        /// Path of the Unix socket for the front.
        package let frontSocket: String
        /// Path of the Unix socket for administration.
        package let adminSocket: String
        /// User names or numeric ids that may use the front's socket; nil for the core's own user.
        package let frontUsers: [String]?
        /// User names or numeric ids that may use the admin socket; nil for the core's own user.
        package let adminUsers: [String]?
        /// Path of the manifest; under development custody alone.
        package let manifestFile: String?
        /// Path of the custody directory, where the chain of manifests is; under quorum custody alone.
        package let custodyDirectory: String?
        /// Who vouches for the manifest.
        package let custody: Custody
        /// Path of the allowed signers file of the people who may cut off; nil when nobody may.
        package let onCallFile: String?
    }

    /// Where and how the log is kept.
    package struct Audit: Sendable, Equatable {
        /// Path of the log's directory.
        package let directory: String
        /// The log's origin (C2SP tlog-checkpoint).
        package let origin: String
        /// Seconds between checkpoints while entries arrive.
        package let checkpointInterval: Int64
        /// Bytes that must be free on the log's file system, or nothing is issued.
        package let headroom: Int64
        /// Whether a credential is released only when a checkpoint covers its entry.
        package let strict: Bool
        /// Path of the file that keeps the last checkpoint, outside the log's directory.
        package let lastCheckpointFile: String
        /// How many entries a shard of the log has at most.
        package let shardEntries: Int64
        /// Seconds after which a shard is closed.
        package let shardAge: Int64
        /// Those who cosign checkpoints; empty: nobody does.
        package let witnesses: [Witness]
        /// How many of them must.
        package let witnessQuorum: Int
        /// Seconds that the clock may jump forward before somebody has to vouch for it.
        package let maximumClockJump: Int64
    }

    /// Bounds on what the network may ask.
    package struct Limits: Sendable, Equatable {
        /// Bytes of a request's body.
        package let requestBytes: Int
        /// Bytes of one inbound token.
        package let tokenBytes: Int
        /// Connections at once, for each listener.
        package let connections: Int
        /// Requests a second of one client; 0 for no limit.
        package let requestsPerSecond: Int
        /// Client assertions and DPoP proofs that are remembered as used.
        package let replayEntries: Int
        /// Seconds until a request is given up.
        package let requestTimeout: Int64
        /// Actors that `act` of a token may nest (RFC 8693 section 4.1).
        package let delegationDepth: Int

        /// The limits of a file that names none.
        package static let standard = Limits(
            requestBytes: 65_536, tokenBytes: 16_384, connections: 1024, requestsPerSecond: 0,
            replayEntries: 262_144, requestTimeout: 10, delegationDepth: 3)
    }
}

extension Configuration.Core {
    init(_ section: YAMLSection, _ paths: PathFormat) {
        frontSocket = section.required("front_socket", paths.socket)
        adminSocket = section.required("admin_socket", paths.socket)
        frontUsers = section.optionalList("front_users", .user)
        adminUsers = section.optionalList("admin_users", .user)
        manifestFile = section.optional("manifest", paths.path)
        custodyDirectory = section.optional("custody_directory", paths.path)
        custody = section.required("custody", .choice(.quorum))
        onCallFile = section.optional("on_call", paths.path)
        if !frontSocket.isEmpty, frontSocket == adminSocket {
            section.fault("admin_socket", "is the front's socket too", mend: "give each its own path")
        }
        section.finish()
    }

    /// What the record of the last checkpoint lies beside, where the file does not say otherwise.
    var trustRoot: String { (custody == .quorum ? custodyDirectory : manifestFile) ?? "" }
}

extension Configuration.Audit {
    init(_ section: YAMLSection, manifest: String, _ paths: PathFormat) {
        directory = section.required("directory", paths.path)
        // C2SP tlog-checkpoint: no spaces; a plus sign would end the key name of a signed note.
        origin = section.required(
            "origin",
            .text(
                "visible ASCII without spaces and '+'", mend: "write it like vault.acme.example/log",
                pattern: "^[!-*,-~]{1,512}$"
            ) { (1...512).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x2B } })
        checkpointInterval = section.optional("checkpoint_interval", default: 1, .duration(1...300))
        headroom = section.optional("headroom", default: 256 << 20, .size((1 << 20)...(1 << 40)))
        strict = section.optional("strict", default: false, .flag)
        lastCheckpointFile = section.optional(
            "last_checkpoint", default: manifest.isEmpty ? "" : manifest + ".last-checkpoint", paths.path)
        if !directory.isEmpty, lastCheckpointFile.hasPrefix(directory + "/") {
            section.fault(
                "last_checkpoint", "is in the log's directory, with which it would be put back",
                mend: "choose a place elsewhere, better on another disk")
        }
        shardEntries = section.optional(
            "shard_entries", default: 20_000_000, .integer(1000...1_000_000_000, mend: "choose a number in that range"))
        shardAge = section.optional("shard_age", default: 2160 * 3600, .duration(3600...87_600 * 3600))
        (witnesses, witnessQuorum) = Configuration.Witness.read(section, paths)
        maximumClockJump = section.optional("max_clock_jump", default: 3600, .duration(60...24 * 3600))
        section.finish()
    }
}

extension Configuration.Limits {
    init(_ section: YAMLSection) {
        let standard = Configuration.Limits.standard
        requestBytes = Int(
            section.optional("request_bytes", default: Int64(standard.requestBytes), .size(1024...(1 << 20))))
        tokenBytes = Int(section.optional("token_bytes", default: Int64(standard.tokenBytes), .size(512...(256 << 10))))
        connections = Int(
            section.optional(
                "connections", default: Int64(standard.connections), .integer(1...65_536, mend: "choose a bound")))
        requestsPerSecond = Int(
            section.optional(
                "requests_per_second", default: Int64(standard.requestsPerSecond),
                .integer(0...1_000_000, mend: "choose a rate, or 0 for no limit")))
        replayEntries = Int(
            section.optional(
                "replay_entries", default: Int64(standard.replayEntries),
                .integer(1024...4_194_304, mend: "allow for requests a second times seconds a proof lives")))
        requestTimeout = section.optional("request_timeout", default: standard.requestTimeout, .duration(1...300))
        delegationDepth = Int(
            section.optional(
                "delegation_depth", default: Int64(standard.delegationDepth), .integer(1...8, mend: "choose a depth")))
        if tokenBytes > requestBytes, !section.source.isFaulty(section.field("request_bytes")) {
            section.fault("token_bytes", "is more than request_bytes", mend: "lower token_bytes or raise request_bytes")
        }
        section.finish()
    }
}
