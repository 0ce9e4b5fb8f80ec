import Minting

/// The one thing by which a request's client is to be judged.
///
/// Source: RFC 6749 sections 2.3 and 5.2: a request with two is refused whatever each of them would prove.
enum PresentedCredential: Sendable, Equatable {
    /// The certificate of the connection, or none: `tls_client_auth`.
    case certificate
    /// A client assertion: `private_key_jwt`.
    case assertion([UInt8])

    /// Finds the credential in a request.
    ///
    /// The certificate of a client that authenticates with an assertion is no second credential unless it is some
    /// client's name: it then is what the token is bound to (RFC 8705 section 3).
    init(
        _ request: GatewayRequest, _ form: FormParameters, _ clients: ClientDirectory
    ) throws(ExchangeRefusal) {
        let assertion: [UInt8]?
        let type: [UInt8]?
        do {
            assertion = try form.optional("client_assertion")
            type = try form.optional("client_assertion_type")
        } catch {
            throw ExchangeRefusal(error)
        }
        let hasForeign = request.hasAuthorization || form.parameters.contains { $0.name == "client_secret" }
        let isNamed = request.peer.map(clients.names) ?? false
        guard [assertion != nil || type != nil, hasForeign, isNamed].filter({ $0 }).count <= 1 else {
            throw .severalCredentials
        }
        guard !hasForeign else { throw .client("a client secret or an Authorization field, which nobody has here") }
        guard assertion != nil || type != nil else {
            self = .certificate
            return
        }
        guard let assertion, let type else { throw .incompleteAssertion }
        guard type.elementsEqual(ClientAssertion.type.utf8) else {
            throw .client("client_assertion_type is not jwt-bearer")
        }
        self = .assertion(assertion)
    }
}
