/// Where the public keys of an issuer or of a client are: in exactly one place.
package enum KeySetLocation: Sendable, Equatable {
    /// A JWK Set (RFC 7517 section 5) at a path.
    case file(String)
    /// A JWK Set that is fetched again and again.
    case remote(Remote)

    /// A JWK Set at an address, and how it is fetched.
    package struct Remote: Sendable, Hashable {
        /// An https URL; what it redirects to is not followed.
        package let uri: String
        /// Path of the PEM certificates that vouch for its host; nil for those of the system.
        package let authoritiesFile: String?
        /// Seconds between two fetches.
        package let refresh: Int64
        /// Seconds for which the last keys may be used while newer ones cannot be had.
        package let maximumStaleness: Int64
    }

    /// The fields that name a place.
    static let fields = ["jwks_file", "jwks_uri"] + remoteFields
    private static let remoteFields = ["jwks_ca", "jwks_refresh", "jwks_max_stale"]

    /// Reads the fields; nil when no place is given, which is a fault where one is required.
    init?(_ section: YAMLSection, _ paths: PathFormat, isRequired: Bool) {
        let file = section.optional("jwks_file", paths.path)
        let uri = section.optional("jwks_uri", .httpsURL)
        let authoritiesFile = section.optional("jwks_ca", paths.path)
        let refresh = section.optional("jwks_refresh", default: 300, .duration(10...86_400))
        let maximumStaleness = section.optional("jwks_max_stale", default: 3600, .duration(60...604_800))
        switch (file, uri) {
        case (let file?, nil):
            for name in Self.remoteFields where section.has(name) {
                section.fault(name, "belongs to jwks_uri", mend: "remove it; a file is read at start and on SIGHUP")
            }
            self = .file(file)
        case (nil, let uri?):
            if maximumStaleness <= refresh {
                section.fault(
                    section.has("jwks_max_stale") ? "jwks_max_stale" : "jwks_refresh",
                    "lets the keys lapse before they are fetched again",
                    mend: "make jwks_max_stale longer than jwks_refresh, by several failed fetches")
            }
            self = .remote(
                Remote(
                    uri: uri, authoritiesFile: authoritiesFile, refresh: refresh, maximumStaleness: maximumStaleness))
        case (nil, nil):
            if isRequired {
                section.fault("jwks_file", "is missing, and so is jwks_uri", mend: "add one of them")
            }
            return nil
        case (_?, _?):
            section.fault("jwks_uri", "stands beside jwks_file", mend: "keep one of them: keys come from one place")
            return nil
        }
    }

    /// The path of the file, if the keys are in one.
    package var file: String? {
        if case .file(let path) = self { path } else { nil }
    }

    /// How the keys are fetched, if they are.
    package var remote: Remote? {
        if case .remote(let remote) = self { remote } else { nil }
    }

    /// The field and value that name the place, for faults.
    var words: String {
        switch self {
        case .file(let path): path
        case .remote(let remote): remote.uri
        }
    }
}
