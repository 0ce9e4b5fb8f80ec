import Foundation
import StrictEncoding

@testable import VaultAppliance

/// One request at the token endpoint, parameter by parameter; starts as one that is granted.
struct ExchangeRequestBuilder {
    static let jwt = "urn:ietf:params:oauth:token-type:jwt"

    var parameters: [(name: String, value: String)]
    var peer: PeerCertificate?
    /// Values of `DPoP` fields.
    var dpop: [String] = []
    var hasAuthorization = false
    var path = "/oauth2/token"

    /// alice, through the sales assistant, asks for what rule `read` grants.
    init(_ fixture: ExchangeFixture, user: String? = nil, agent: String? = nil) throws {
        parameters = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", try user ?? fixture.userToken()), ("subject_token_type", Self.jwt),
            ("actor_token", try agent ?? fixture.agentToken()), ("actor_token_type", Self.jwt),
            ("audience", "demo-api"),
            ("authorization_details", #"[{"type":"tool_invocation","tool":"crm.read_account","actions":["read"]}]"#),
        ]
        peer = try fixture.certificate()
    }

    /// Sets a parameter, or removes it when `value` is nil.
    mutating func set(_ name: String, _ value: String?) {
        parameters.removeAll { $0.name == name }
        if let value { parameters.append((name, value)) }
    }

    var body: [UInt8] {
        let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        let pairs = parameters.map {
            "\($0.name)=\($0.value.addingPercentEncoding(withAllowedCharacters: plain) ?? "")"
        }
        return Array(pairs.joined(separator: "&").utf8)
    }

    func request(body: [UInt8]? = nil) -> GatewayRequest {
        GatewayRequest(
            path: path, bodyBytes: body ?? self.body, contentType: "application/x-www-form-urlencoded", dpop: dpop,
            hasAuthorization: hasAuthorization, peer: peer,
            requestID: UUID().uuidString.replacing("-", with: "").lowercased(), remoteAddress: "127.0.0.1",
            deadline: .now + .seconds(60))
    }
}

/// An answer of the token endpoint, read.
struct ExchangeAnswer {
    let status: Int
    let body: JSONObject
    let headers: [String: String]
    /// Of the request, where the test needs its entries.
    let requestID: String?

    init(_ response: GatewayResponse, requestID: String? = nil) throws {
        self.requestID = requestID
        status = response.status
        body = try JSONParser.parse(response.body).object ?? JSONObject()
        headers = Dictionary(response.headers) { first, _ in first }
    }

    var error: String? { body["error"]?.string }
    var token: String? { body["access_token"]?.string }
}
