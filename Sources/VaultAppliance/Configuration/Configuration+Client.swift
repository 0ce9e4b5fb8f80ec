extension Configuration {
    /// A gateway that may ask for tokens.
    package struct Client: Sendable, Equatable {
        /// How a client proves who it is.
        package enum Authentication: String, Sendable, CaseIterable {
            /// A certificate that chains to the listener's `client_ca` (RFC 8705 section 2.1).
            case tlsClientAuth = "tls_client_auth"
            /// Assertions that it signs (RFC 7523 section 2.2).
            case privateKeyJWT = "private_key_jwt"
        }

        /// The one name in its certificate that identifies a client, compared exactly (RFC 8705 section 2.1.2).
        package enum CertificateName: Sendable, Hashable {
            /// A URI of the subject alternative names, as a SPIFFE id.
            case sanURI(String)
            /// A DNS name of the subject alternative names.
            case sanDNS(String)
            /// The subject as RFC 4514 writes it.
            case subjectDN(String)

            /// The name as the file and a rule write it.
            package var text: String {
                switch self {
                case .sanURI(let text), .sanDNS(let text), .subjectDN(let text): text
                }
            }
        }

        /// Unique among the clients; what audit entries and `client_id` claims say.
        package let id: String
        /// How it proves who it is.
        package let authentication: Authentication
        /// The name that identifies it; nil but for `tls_client_auth`.
        package let certificateName: CertificateName?
        /// How its assertions are verified; nil but for `private_key_jwt`.
        package let assertions: Assertions?
        /// Names of targets whose tokens it may introspect, being their resource server; empty for none.
        package let introspects: [String]

        /// How the assertions of a client are verified.
        package struct Assertions: Sendable, Equatable {
            /// Where its keys are.
            package let keySet: KeySetLocation
            /// Algorithms its keys may have.
            package let algorithms: [Algorithm]
            /// Tolerance for its clock in seconds.
            package let clockSkew: Int64
            /// The longest `exp - iat`, in seconds.
            package let maximumLifetime: Int64
        }
    }
}

extension Configuration.Client {
    private static let nameFields = ["san_uri", "san_dns", "subject_dn"]
    private static let assertionFields = ["algorithms", "clock_skew", "assertion_lifetime"] + KeySetLocation.fields

    init(_ section: YAMLSection, _ paths: PathFormat) {
        id = section.required("id", .name)
        authentication = section.required("auth", .choice(.tlsClientAuth))
        // Read whatever the method is, so that a field of the other method is a fault of its own, and for the schema.
        let names: [CertificateName?] = [
            section.optional("san_uri", .name).map { .sanURI($0) },
            section.optional("san_dns", .dnsName).map { .sanDNS($0) },
            section.optional("subject_dn", .phrase).map { .subjectDN($0) },
        ]
        let algorithms: [Configuration.Algorithm] = section.optionalList("algorithms", .choice(.es256)) ?? []
        let clockSkew = section.optional("clock_skew", default: 5, .duration(0...60))
        let maximumLifetime = section.optional("assertion_lifetime", default: 300, .duration(10...3600))
        let usesCertificate = authentication == .tlsClientAuth
        let keySet = KeySetLocation(section, paths, isRequired: !usesCertificate)
        certificateName = usesCertificate ? names.compactMap { $0 }.first : nil
        assertions =
            usesCertificate
            ? nil
            : keySet.map {
                Assertions(
                    keySet: $0, algorithms: algorithms, clockSkew: clockSkew, maximumLifetime: maximumLifetime)
            }
        introspects = section.optionalList("introspects", .label) ?? []
        if !section.source.isFaulty(section.field("auth")) { check(section) }
        section.finish()
    }

    private func check(_ section: YAMLSection) {
        let isForeign = authentication == .tlsClientAuth ? Self.assertionFields : Self.nameFields
        let other: Authentication = authentication == .tlsClientAuth ? .privateKeyJWT : .tlsClientAuth
        for name in isForeign where section.has(name) {
            section.fault(
                name, "belongs to clients with auth \(other.rawValue)",
                mend: "remove it; a client proves itself in one way alone")
        }
        switch authentication {
        case .tlsClientAuth:
            let given = Self.nameFields.filter { section.has($0) }
            guard given.count != 1 else { return }
            section.fault(
                given.dropFirst().first ?? "san_uri", given.isEmpty ? "is missing" : "is one name too many",
                mend: "give exactly one of san_uri, san_dns and subject_dn")
        case .privateKeyJWT:
            guard !section.has("algorithms") else { return }
            section.fault("algorithms", "is missing", mend: "list the algorithms of its keys, as [ES256]")
        }
    }
}

extension YAMLFormat where Value == String {
    /// A host name in lower case; certificates with wildcards identify nobody.
    static var dnsName: YAMLFormat {
        text("a DNS name in lower case", mend: "write it like gateway.acme.example", pattern: "^[a-z0-9.-]{1,253}$") {
            text in
            (1...253).contains(text.utf8.count)
                && text.utf8.allSatisfy { (ValueFormats.isWord($0) && !isUpper($0)) || ".-".utf8.contains($0) }
        }
    }

    private static func isUpper(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
}
