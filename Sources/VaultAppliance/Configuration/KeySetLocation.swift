/// Where the public keys of an issuer or of a client are: in exactly one place.
package enum KeySetLocation: Sendable, Equatable {
    /// A JWK Set (RFC 7517 section 5) at a path.
    case file(String)

    /// The fields that name a place.
    static let fields = ["jwks_file"]

    /// Reads the fields; nil when no place is given, which is a fault where one is required.
    init?(_ section: YAMLSection, _ paths: PathFormat, isRequired: Bool) {
        let file = section.optional("jwks_file", paths.path)
        guard let file else {
            if isRequired { section.fault("jwks_file", "is missing", mend: "add it") }
            return nil
        }
        self = .file(file)
    }

    /// The path of the file, if the keys are in one.
    package var file: String? {
        switch self {
        case .file(let path): path
        }
    }
}
