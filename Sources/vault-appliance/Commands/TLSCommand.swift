import ArgumentParser
import StrictEncoding
import VaultAppliance

/// `tls`: certificates for the listeners, whose keys are in the HSM.
struct TLSCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tls", abstract: "Certificates of the listeners.",
        subcommands: [CSR.self, Install.self, TLSStatus.self])

    /// The two listeners that speak TLS.
    enum Listener: String, ExpressibleByArgument, CaseIterable {
        case gateway, `public`

        func settings(in configuration: Configuration) -> Configuration.TLSListener {
            self == .gateway ? configuration.listeners.gateway : configuration.listeners.public
        }
    }

    struct CSR: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "csr", abstract: "Print a certificate request for a listener, signed in the HSM.")

        @OptionGroup var options: ConfigurationOption
        @Option(help: "Which listener: gateway or public.") var listener: Listener
        @Option(help: "Label or serial number of the token whose key is meant; without it the first that is well.")
        var token: String?
        @Option(name: .customLong("dns"), parsing: .upToNextOption, help: "Host names the certificate is for.")
        var dnsNames: [String] = []
        @Option(name: .customLong("ip"), parsing: .upToNextOption, help: "IP addresses the certificate is for.")
        var addresses: [String] = []

        func run() async throws {
            let configuration = try Configuration.load(file: options.config)
            var command = JSONObject([
                .init(name: "command", value: "tls-csr"),
                .init(name: "key", value: .string(listener.settings(in: configuration).key)),
                .init(name: "dns", value: .array(dnsNames.map { .string($0) })),
                .init(name: "ip", value: .array(addresses.map { .string($0) })),
            ])
            command["token"] = token.map { .string($0) }
            let answer = try await AdminClient.call(.object(command), socket: configuration.core.adminSocket)
            guard let csr = answer.object?["csr"]?.string else { throw CommandFailure("the core sent no request") }
            print(csr)
        }
    }

    struct Install: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "install",
            abstract: "Check a certificate chain against the listener's keys and put it in place.",
            discussion: "With several tokens the file holds a chain for the key of each; the others stay as they are.")

        @OptionGroup var options: ConfigurationOption
        @Option(help: "Which listener: gateway or public.") var listener: Listener
        @Argument(help: "The chain in PEM, the listener's certificate first.", completion: .file()) var chain: String

        func run() async throws {
            let configuration = try Configuration.load(file: options.config)
            let listener = listener.settings(in: configuration)
            let installed = try CertificateInstallation.install(
                chainFile: chain, listener: listener,
                keys: try await AdminClient.listenerKeys(listener.key, configuration), now: systemClock())
            print(
                "installed \(listener.certificateFile): valid until \(installed.rfc3339). The front reads it on SIGHUP."
            )
        }
    }

    struct TLSStatus: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status", abstract: "Say whom the listeners' certificates are for and when they end.",
            discussion: """
                Reads the files, so no core need run. Exits 1 when one of them has ended. With --json one object a line.
                """)

        @OptionGroup var options: ConfigurationOption
        @Flag(help: "Print JSON for machines.") var json = false

        func run() async throws {
            let configuration = try Configuration.load(file: options.config)
            let now = systemClock()
            var isValid = true
            for listener in Listener.allCases {
                let settings = listener.settings(in: configuration)
                let certificates = try CertificateInstallation.describe(settings)
                isValid =
                    isValid && !certificates.isEmpty && certificates.allSatisfy { $0.notAfter.seconds >= now.seconds }
                if json {
                    Terminal.print(json: Self.json(listener, settings, certificates))
                } else {
                    show(listener, settings, certificates, now)
                }
            }
            guard isValid else { throw ExitCode.failure }
        }

        private func show(
            _ listener: Listener, _ settings: Configuration.TLSListener,
            _ certificates: [CertificateInstallation.Description], _ now: UnixTime
        ) {
            print("\(listener.rawValue)  \(settings.certificateFile)")
            for certificate in certificates {
                let names = certificate.dnsNames + certificate.addresses
                print("  for    \(names.isEmpty ? certificate.subject ?? "nobody" : names.joined(separator: ", "))")
                let end = certificate.notAfter.seconds < now.seconds ? "  (has ended)" : ""
                print("  until  \(certificate.notAfter.rfc3339)\(end)")
            }
        }

        private static func json(
            _ listener: Listener, _ settings: Configuration.TLSListener,
            _ certificates: [CertificateInstallation.Description]
        ) -> JSONValue {
            [
                "listener": .string(listener.rawValue), "file": .string(settings.certificateFile),
                "certificates": .array(
                    certificates.map { certificate in
                        [
                            "dns": .array(certificate.dnsNames.map { .string($0) }),
                            "ip": .array(certificate.addresses.map { .string($0) }),
                            "subject": certificate.subject.map { .string($0) } ?? .null,
                            "not_before": .string(certificate.notBefore.rfc3339),
                            "not_after": .string(certificate.notAfter.rfc3339),
                            "sha256": .string(certificate.fingerprint),
                        ]
                    }),
            ]
        }
    }
}
