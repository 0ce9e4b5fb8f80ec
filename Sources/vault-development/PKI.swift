import ArgumentParser
import VaultTesting

/// `pki`: a new authority with two client certificates.
struct PKI: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pki",
        abstract: "Make a CA, the certificate of a gateway, and one of a stranger.",
        discussion: "Writes ca, gateway and stranger, each as NAME.pem and NAME-key.pem.")

    @Argument(help: "Directory for the files; created if it is not there.", completion: .directory)
    var directory: String
    @Option(help: "SPIFFE id of the gateway.")
    var gateway = "spiffe://acme.example/gateway/mcp"
    @Option(help: "SPIFFE id of the stranger, whom the appliance does not know.")
    var stranger = "spiffe://acme.example/stranger"

    func run() throws {
        let now = VaultDevelopmentCommand.now()
        let authority = try DevelopmentPKI(now: now)
        try OwnerOnlyFile.createDirectory(directory)
        try ClientCredential(certificatePEM: authority.certificatePEM, keyPEM: authority.keyPEM)
            .write(name: "ca", directory: directory)
        try authority.clientCredential(spiffeID: gateway, commonName: "gateway", now: now)
            .write(name: "gateway", directory: directory)
        try authority.clientCredential(spiffeID: stranger, commonName: "stranger", now: now)
            .write(name: "stranger", directory: directory)
    }
}

/// `sign-csr`: a server certificate from a request.
struct SignRequest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign-csr",
        abstract: "Issue a server certificate from a certificate request.",
        discussion: "The certificate has the request's key, subject and alternative names.")

    @Option(help: "Directory with ca.pem and ca-key.pem.", completion: .directory) var ca: String
    @Option(help: "The request, PEM.", completion: .file()) var csr: String
    @Option(help: "File for the certificate, PEM; must not exist.", completion: .file()) var out: String

    func run() throws {
        let authority = try DevelopmentPKI(
            certificatePEM: OwnerOnlyFile.read("\(ca)/ca.pem"), keyPEM: OwnerOnlyFile.read("\(ca)/ca-key.pem"))
        let issued = try authority.serverCertificate(
            forRequest: OwnerOnlyFile.read(csr), now: VaultDevelopmentCommand.now())
        try OwnerOnlyFile.create(out, issued.utf8, mode: 0o644)
    }
}
