package import StrictEncoding

/// One record of the audit log: a typed allow-list of fields, none of which can hold a credential.
///
/// The bytes that are stored and hashed are its canonical JSON (RFC 8785). Members that are nil are left out.
package struct Entry: Sendable, Equatable {
    /// Somebody an issuer vouches for.
    package struct Party: Sendable, Equatable {
        /// The issuer; nil when the deployment's own name space is meant.
        package var iss: String?
        /// The subject, as that issuer names it.
        package var sub: String

        /// A user, agent or client.
        package init(iss: String?, sub: String) {
            self.iss = iss
            self.sub = sub
        }
    }

    /// What happened.
    package var kind: Kind
    /// Set by the log when the leaf gets its index; what a caller puts here is overwritten.
    package var time: UnixTime?
    /// Joins the entries and the answer of one request.
    package var requestID: String?
    /// The client (gateway) that asked.
    package var client: String?
    /// On whose behalf.
    package var user: Party?
    /// Through whom, outermost first (RFC 8693 section 4.1).
    package var actors: [Party]?
    /// `aud` of the credential.
    package var audience: String?
    /// Name of the configured target.
    package var target: String?
    /// Name of the tool the call is for.
    package var tool: String?
    /// What the tool was asked to do (RFC 9396 section 2.2).
    package var actions: [String]?
    /// Where the tool acts (RFC 9396 section 2.2).
    package var locations: [String]?
    /// The object the tool works on (RFC 9396 section 2.2).
    package var identifier: String?
    /// base64url of the SHA-256 of the call's canonical arguments.
    package var argumentsSHA256: String?
    /// The scope that was asked for.
    package var requestedScope: String?
    /// The scope of the credential.
    package var grantedScope: String?
    /// The policy rule that granted or denied.
    package var ruleID: String?
    /// SHA-256 of the configuration bundle in force, in hexadecimal.
    package var bundle: String?
    /// Custody mode: `development` or `quorum`.
    package var custody: String?
    /// Version of the manifest in force.
    package var manifestVersion: Int64?
    /// RFC 7638 thumbprint of the key that signs.
    package var kid: String?
    /// Label of that key in the token.
    package var keyLabel: String?
    /// Identifies the credential (RFC 7519 section 4.1.7).
    package var jti: String?
    /// Expiry of the credential, in seconds since 1970.
    package var exp: Int64?
    /// Issue time of the credential, in seconds since 1970.
    package var iat: Int64?
    /// base64url of the SHA-256 of the signing input.
    package var inputSHA256: String?
    /// Header type of the credential, as `at+jwt`.
    package var tokenKind: String?
    /// Ties the credentials of one transaction together.
    package var txn: String?
    /// The wire error code.
    package var code: String?
    /// The cause, in our own vocabulary; never a value from a token.
    package var reason: String?
    /// SHA-256 of the client certificate, in hexadecimal.
    package var peer: String?
    /// The person who acted, by name or key fingerprint.
    package var `operator`: String?
    /// How many denials this entry stands for.
    package var count: Int64?
    /// When the first of them came.
    package var first: UnixTime?
    /// When the last of them came.
    package var last: UnixTime?
    /// Name of a sealed secret.
    package var secret: String?
    /// The version of it.
    package var secretVersion: Int64?
    /// Whom or what a revocation, a cut-off or a ceremony is about, where no other member says so; and the `sub` of a
    /// credential whose subject is made by a template.
    package var subject: Party?
    /// What `subject` is: `user`, `agent`, `client`, `target`, `custodian`.
    package var subjectType: String?
    /// When a cut-off ends, or until when a revocation matters, in seconds since 1970.
    package var until: Int64?
    /// base64url of the SHA-256 of a credential that a provider issued: finds it in the provider's own log.
    package var credentialSHA256: String?
    /// More about the appliance itself; only for administration, activation, ceremonies and configuration.
    package var detail: [String: String]?

    /// An entry that says only what happened.
    package init(kind: Kind) { self.kind = kind }
}
