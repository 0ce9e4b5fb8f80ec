package import AuditLog

/// What the core needs to start; paths are absolute.
package struct CoreSettings: Sendable {
    /// Where the settings came from, for error messages.
    package var configurationFile: String
    package var issuer: String
    package var frontSocket: String
    package var adminSocket: String
    /// Numeric users that may connect to the front socket.
    package var frontUsers: Set<UInt32>
    /// Numeric users that may connect to the admin socket.
    package var adminUsers: Set<UInt32>
    /// Under quorum custody the directory of the manifests, for error messages.
    package var manifestFile: String
    /// What the custodians have decided; nil under development custody.
    package var custodyDirectory: String?
    /// The custody mode the configuration admits; the manifest must say the same.
    package var custody: String
    /// The PKCS#11 tokens, the preferred one first.
    package var tokens: [Token]
    package var logDirectory: String
    package var logOrigin: String
    package var checkpointInterval: Duration
    /// Bytes of disk that only mints may use.
    package var headroom: Int64
    /// How else the log is kept; interval and headroom are those above.
    package var logOptions = AuditLogOptions()
    /// Those who cosign the log's checkpoints, and how many of them must; empty: nobody does.
    package var witnesses: [WitnessKey] = []
    package var witnessQuorum = 1
    package var keys: [KeyPlan]
    /// The people who may cut off, as an allowed signers file; nil when nobody may.
    package var onCallFile: String?

    /// A PKCS#11 token, how it is opened and how busy it is kept.
    package struct Token: Sendable, Equatable {
        /// Where the configuration names it, as in `hsm.tokens[1]`, for error messages.
        package var field: String
        /// Absolute path of the PKCS#11 library.
        package var module: String
        /// RFC 7512 URI of the token.
        package var uri: String
        /// Owner-only file with the PIN; nil under quorum custody, where custodians activate.
        package var pinFile: String?
        package var lanes: Int
        package var queueCapacity: Int

        /// A token by its library and URI.
        package init(
            field: String, module: String, uri: String, pinFile: String?, lanes: Int = 2, queueCapacity: Int = 1024
        ) {
            self.field = field
            self.module = module
            self.uri = uri
            self.pinFile = pinFile
            self.lanes = lanes
            self.queueCapacity = queueCapacity
        }
    }

    /// A key the configuration asks for: genesis makes it in every token, the manifest must name it.
    package struct KeyPlan: Sendable, Equatable {
        package var label: String
        package var purpose: String
        package var algorithm: String
        package var types: [String]
        /// Seconds; nil for keys that sign no tokens.
        package var maximumLifetime: Int64?

        /// A planned key.
        package init(label: String, purpose: String, algorithm: String, types: [String], maximumLifetime: Int64?) {
            self.label = label
            self.purpose = purpose
            self.algorithm = algorithm
            self.types = types
            self.maximumLifetime = maximumLifetime
        }
    }

    /// Settings of a core.
    package init(
        configurationFile: String, issuer: String, frontSocket: String, adminSocket: String, frontUsers: Set<UInt32>,
        adminUsers: Set<UInt32>, manifestFile: String, custody: String, tokens: [Token], logDirectory: String,
        logOrigin: String, checkpointInterval: Duration,
        headroom: Int64, keys: [KeyPlan]
    ) {
        self.configurationFile = configurationFile
        self.issuer = issuer
        self.frontSocket = frontSocket
        self.adminSocket = adminSocket
        self.frontUsers = frontUsers
        self.adminUsers = adminUsers
        self.manifestFile = manifestFile
        self.custody = custody
        self.tokens = tokens
        self.logDirectory = logDirectory
        self.logOrigin = logOrigin
        self.checkpointInterval = checkpointInterval
        self.headroom = headroom
        self.keys = keys
    }
}
