import ArgumentParser
import Custody
import StrictEncoding

/// `custodian wrap-key`: wraps a private key for one token, on the computer of whoever has it.
struct CustodianWrapKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wrap-key",
        abstract: "Wrap a private key (PEM) so that nothing but the appliance's token can take it in.",
        discussion: """
            The transport file comes from the appliance's administrator. It is verified against the manifests this custodian \
            has accepted before the PEM file is opened. What is written holds nothing secret to anybody but the token: hand \
            it to the administrator, and delete the PEM file once the import's report says that the key works.
            """)

    @OptionGroup var home: CustodianHomeOption
    @Option(help: "The transport file of the import.", completion: .file()) var transport: String
    @Option(help: "The private key: PEM, RSA (PKCS#1 or PKCS#8) or EC P-256.", completion: .file()) var pem: String
    @Option(help: "Where to write the wrapped key; a file that is there is not overwritten.", completion: .file())
    var out: String

    func run() async throws {
        try ProcessHygiene.apply()
        let file = try TransportFile(
            file: try PrivateFile.readPublic(transport, limit: TransportFile.maximumBytes))
        try file.verify(pin: try home.value.pin(of: file.offer.appliance), now: systemClock())
        try home.value.remember(file.chain)
        let key = try PrivateKeyFile(pem: try PrivateFile.read(pem))
        guard key.jwk["kty"] != "OKP" else {
            throw CommandFailure(
                "\(pem): Ed25519 keys cannot be wrapped; the import's plan has to say 'method: create'")
        }
        let wrapped = try WrappedKey(key, for: file.offer)
        try PrivateFile.create(out, wrapped.bytes)
        print("wrapped for   token \(file.offer.token) of appliance \(file.offer.appliance), as \(file.offer.label)")
        print("public key    \(ManifestKey.thumbprint(of: key.jwk)) (RFC 7638 thumbprint)")
        print("written to    \(out): hand it to the administrator; it holds nothing that others could open")
    }
}
