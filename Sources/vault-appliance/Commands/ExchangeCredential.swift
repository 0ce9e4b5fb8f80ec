import ArgumentParser
import Minting
import NIOSSL

/// How `exchange` proves which gateway it is: by a certificate, or by assertions; and to what key its token is bound.
struct ExchangeCredential: ParsableArguments {
    @Option(help: "The gateway's certificate chain (PEM), for tls_client_auth.", completion: .file()) var cert: String?
    @Option(help: "The certificate's private key (PEM).", completion: .file()) var key: String?
    @Option(help: "Private JWK that signs client assertions, for private_key_jwt.", completion: .file())
    var clientKey: String?
    @Option(help: "The client's id, with --client-key.") var clientID: String?
    @Option(help: "The vault's issuer, the audience of assertions, with --client-key.") var issuer: String?
    @Option(help: "Private JWK to which the token is to be bound by DPoP.", completion: .file()) var dpopKey: String?

    func validate() throws {
        guard (cert == nil) == (key == nil) else { throw ValidationError("--cert and --key belong together.") }
        guard (clientKey == nil) == (clientID == nil), (clientKey == nil) == (issuer == nil) else {
            throw ValidationError("--client-key, --client-id and --issuer belong together.")
        }
        guard cert != nil || clientKey != nil else {
            throw ValidationError("Give --cert and --key, or --client-key, --client-id and --issuer.")
        }
    }

    /// Puts the certificate, if there is one, into a TLS configuration.
    func apply(to tls: inout TLSConfiguration) throws {
        guard let cert, let key else { return }
        tls.certificateChain = try PEMFile.certificates(cert, "--cert").map { .certificate($0) }
        tls.privateKey = .privateKey(try PEMFile.key(key, "--key"))
    }

    /// The form parameters of a new assertion, or none.
    func parameters() throws -> [(String, String)] {
        guard let clientKey, let clientID, let issuer else { return [] }
        let assertion = try ClientKey(file: clientKey).assertion(
            client: clientID, issuer: issuer, now: systemClock(), jti: Self.jti())
        return [("client_assertion_type", ClientAssertion.type), ("client_assertion", assertion)]
    }

    /// A new proof for a POST to `target`, or none.
    func proof(target: String, nonce: String?) throws -> String? {
        try dpopKey.map {
            try ClientKey(file: $0).proof(target: target, nonce: nonce, now: systemClock(), jti: Self.jti())
        }
    }

    private static func jti() -> String {
        var generator = SystemRandomNumberGenerator()
        return JWTID.random(using: &generator)
    }
}
