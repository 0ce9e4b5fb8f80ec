extension Configuration {
    /// The front's listeners.
    package struct Listeners: Sendable, Equatable {
        /// Token endpoint, introspection, revocation and gateway faces: TLS with client certificates.
        package let gateway: TLSListener
        /// Metadata and keys: TLS.
        package let `public`: TLSListener
        /// Health and metrics: plain HTTP on a loopback address.
        package let ops: OpsListener
    }

    /// A listener whose TLS key lives in the token.
    package struct TLSListener: Sendable, Equatable {
        /// Address or host name to bind.
        package let host: String
        /// TCP port.
        package let port: Int
        /// Label of the key.
        package let key: String
        /// Path of the PEM certificate chain.
        package let certificateFile: String
        /// Path of the PEM certificates that client certificates chain to; nil where clients present none.
        package let clientCAFile: String?
        /// How others reach this listener, as metadata states it: an https URL without a slash at its end.
        package let externalURL: String
    }

    /// The listener without TLS.
    package struct OpsListener: Sendable, Equatable {
        /// Loopback address to bind.
        package let host: String
        /// TCP port.
        package let port: Int
    }
}

extension Configuration.Listeners {
    /// The listeners that have a certificate, with their names.
    var withTLS: [(name: String, listener: Configuration.TLSListener)] { [("gateway", gateway), ("public", `public`)] }

    init(_ section: YAMLSection, _ paths: PathFormat) {
        gateway = .init(section.section("gateway"), paths, asksForClientCertificates: true)
        `public` = .init(section.section("public"), paths, asksForClientCertificates: false)
        ops = .init(section.section("ops"))
        section.finish()
    }
}

extension Configuration.TLSListener {
    init(_ section: YAMLSection, _ paths: PathFormat, asksForClientCertificates: Bool) {
        host = section.required("host", .host)
        port = Int(section.required("port", .port))
        key = section.required("key", .label)
        certificateFile = section.required("certificate", paths.path)
        clientCAFile = asksForClientCertificates ? section.required("client_ca", paths.path) : nil
        externalURL = section.required("external_url", .httpsURL)
        section.finish()
    }
}

extension Configuration.OpsListener {
    init(_ section: YAMLSection) {
        host = section.required("host", .loopback)
        port = Int(section.required("port", .port))
        section.finish()
    }
}

extension YAMLFormat where Value == Int64 {
    /// A TCP port.
    static var port: YAMLFormat { integer(1...65_535, mend: "choose a free port") }
}
