extension Configuration {
    /// A gateway that may ask for tokens.
    package struct Client: Sendable, Equatable {
        /// How a client proves who it is.
        package enum Authentication: String, Sendable, CaseIterable {
            /// A certificate that chains to the listener's `client_ca` (RFC 8705 section 2.1).
            case tlsClientAuth = "tls_client_auth"
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
        /// The name that identifies it.
        package let certificateName: CertificateName
    }
}

extension Configuration.Client {
    init(_ section: YAMLSection) {
        id = section.required("id", .name)
        authentication = section.required("auth", .choice(.tlsClientAuth))
        let names: [CertificateName?] = [
            section.optional("san_uri", .name).map { .sanURI($0) },
            section.optional("san_dns", .dnsName).map { .sanDNS($0) },
            section.optional("subject_dn", .phrase).map { .subjectDN($0) },
        ]
        let given = names.compactMap { $0 }
        certificateName = given.first ?? .sanURI("")
        if given.count != 1 {
            let mend = "give exactly one of san_uri, san_dns and subject_dn"
            let fields = ["san_uri", "san_dns", "subject_dn"].filter { section.has($0) }
            section.fault(
                fields.dropFirst().first ?? "san_uri", given.isEmpty ? "is missing" : "is one name too many", mend: mend
            )
        }
        section.finish()
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
