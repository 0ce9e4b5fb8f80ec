import ArgumentParser
import AsyncHTTPClient
import AuditLog
import Foundation
import Minting
import NIOCore
import NIOHTTP1
import NIOSSL
import StrictEncoding

/// `exchange`: the token endpoint for people; prints what it got in a form one can read.
struct Exchange: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask the token endpoint for a credential and explain what comes back.",
        discussion: """
            Prints the token's header and claims, which key of the JWKS signed it, and, with --log, the audit entry it is \
            recorded under. Tokens are read from files; the token received is printed only with --token-only.
            """)

    @Option(help: "Base URL of the gateway listener.") var url: String
    @Option(help: "CA certificates that vouch for the listener (PEM).", completion: .file()) var ca: String
    @OptionGroup(title: "Who asks") var credential: ExchangeCredential
    @Option(help: "File with the user's token.", completion: .file()) var subjectTokenFile: String
    @Option(help: "File with the agent's token.", completion: .file()) var actorTokenFile: String?
    @Option(help: "Audience of the target.") var audience: String
    @Option(help: "Scope, values separated by spaces.") var scope: String?
    @Option(help: "Tool to be called.") var tool: String?
    @Option(help: "Action of the tool; may be repeated.") var action: [String] = []
    @Option(help: "Location the tool acts on; may be repeated.") var location: [String] = []
    @Option(help: "Identifier of the one object the tool acts on.") var identifier: String?
    @Option(help: "How long it is to live, in seconds; left out, as long as the rule says.") var expiresIn: Int64?
    @Option(help: "URL of the JWKS to check the signature against.") var jwksURL: String?
    @Option(help: "The audit log's directory, to show the entry.", completion: .directory) var log: String?
    @Flag(help: "Print JSON for machines.") var json = false
    @Flag(help: "Print the token itself and nothing else.") var tokenOnly = false

    func run() async throws {
        var configuration = HTTPClient.Configuration(tlsConfiguration: try tls())
        // Nobody who typed this waits for a listener that is not there.
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let answer = try await ask(client)
            if tokenOnly {
                print(answer.token)
            } else {
                try await explain(answer, client)
            }
        } catch {
            try await client.shutdown()
            throw PlainError.connection(error, to: url)
        }
        try await client.shutdown()
    }

    /// What the endpoint answered.
    private struct Answer {
        let token: String
        let body: JSONObject
        let leaf: UInt64?
        let requestID: String
    }

    private func tls() throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try PEMFile.certificates(ca, "--ca"))
        try credential.apply(to: &tls)
        tls.minimumTLSVersion = .tlsv13
        return tls
    }

    /// One request; the proof, if there is to be one, carries the nonce.
    private func send(_ client: HTTPClient, nonce: String?) async throws -> HTTPClientResponse {
        let target = url + "/oauth2/token"
        var request = HTTPClientRequest(url: target)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
        if let proof = try credential.proof(target: target, nonce: nonce) {
            request.headers.add(name: "dpop", value: proof)
        }
        let form = try parameters() + credential.parameters()
        request.body = .bytes(ByteBuffer(string: FormBody(form).text))
        return try await client.execute(request, timeout: .seconds(15))
    }

    private func ask(_ client: HTTPClient) async throws -> Answer {
        var response = try await send(client, nonce: nil)
        // RFC 9449 section 8: the first answer brings the nonce, and the same is asked again with it.
        if credential.dpopKey != nil, response.status == .badRequest,
            let nonce = response.headers.first(name: "dpop-nonce")
        {
            _ = try await response.body.collect(upTo: 1 << 20)
            response = try await send(client, nonce: nonce)
        }
        let bytes = try await response.body.collect(upTo: 1 << 20)
        guard let body = try? JSONParser.parse(Array(bytes.readableBytesView)), let object = body.object else {
            throw CommandFailure("the endpoint answered \(response.status.code) without JSON")
        }
        let requestID = response.headers.first(name: "x-request-id") ?? "-"
        guard response.status == .ok, let token = object["access_token"]?.string else {
            let code = object["error"]?.string ?? "unknown error"
            let description = object["error_description"]?.string.map { ": \($0)" } ?? ""
            throw CommandFailure("refused (\(response.status.code)): \(code)\(description). Request \(requestID)")
        }
        return Answer(
            token: token, body: object, leaf: response.headers.first(name: "x-audit-leaf").flatMap { UInt64($0) },
            requestID: requestID)
    }

    private func parameters() throws -> [(String, String)] {
        func file(_ path: String) throws -> String {
            try String(contentsOf: URL(filePath: path), encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let jwt = "urn:ietf:params:oauth:token-type:jwt"
        var parameters = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"), ("subject_token_type", jwt),
            ("subject_token", try file(subjectTokenFile)), ("audience", audience),
        ]
        if let actorTokenFile { parameters += [("actor_token_type", jwt), ("actor_token", try file(actorTokenFile))] }
        if let scope { parameters.append(("scope", scope)) }
        if let expiresIn { parameters.append(("expires_in", String(expiresIn))) }
        if let tool {
            var details: JSONObject = JSONObject([
                .init(name: "type", value: "tool_invocation"), .init(name: "tool", value: .string(tool)),
                .init(name: "actions", value: .array(action.map { .string($0) })),
            ])
            if !location.isEmpty { details["locations"] = .array(location.map { .string($0) }) }
            if let identifier { details["identifier"] = .string(identifier) }
            let text = String(decoding: JSONWriter.compact([.object(details)]), as: UTF8.self)
            parameters.append(("authorization_details", text))
        }
        return parameters
    }

    private func explain(_ answer: Answer, _ client: HTTPClient) async throws {
        let parts = answer.token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64URL.decode(String(parts[0])),
            let claims = Base64URL.decode(String(parts[1]))
        else { throw CommandFailure("the endpoint returned something that is no JWS") }
        let headerJSON = try JSONParser.parse(header)
        let signer = try await signer(of: answer.token, header: headerJSON, client)
        let entry = try entry(at: answer.leaf)
        var report: JSONObject = JSONObject([
            .init(name: "header", value: headerJSON), .init(name: "claims", value: try JSONParser.parse(claims)),
            .init(name: "expires_in", value: answer.body["expires_in"] ?? .null),
            .init(name: "signed_by", value: .string(signer)),
            .init(name: "request_id", value: .string(answer.requestID)),
        ])
        if let leaf = answer.leaf { report["leaf"] = .integer(Int64(clamping: leaf)) }
        if let entry { report["entry"] = try JSONParser.parse(entry) }
        if json {
            print(String(decoding: JSONWriter.canonical(.object(report)), as: UTF8.self))
        } else {
            ExchangeText(report).lines.forEach { print($0) }
        }
    }

    /// The log's entry, where a log is given.
    private func entry(at leaf: UInt64?) throws -> [UInt8]? {
        guard let log, let leaf else { return nil }
        var found: [UInt8]?
        try LogReader(directory: log).forEach(in: leaf..<leaf + 1) { (_, entry) throws(AuditLogError) in found = entry }
        return found
    }

    /// Which key signed the token, checked against the JWKS where one is given.
    private func signer(of token: String, header: JSONValue, _ client: HTTPClient) async throws -> String {
        let kid = header.object?["kid"]?.string ?? "-"
        guard let jwksURL else { return "kid \(kid) (not checked: give --jwks-url)" }
        let response = try await client.execute(HTTPClientRequest(url: jwksURL), timeout: .seconds(10))
        let bytes = Array(try await response.body.collect(upTo: 1 << 20).readableBytesView)
        let keys = try JSONWebKeySet(parsing: bytes)
        guard let key = keys.key(kid: kid) else { throw CommandFailure("the JWKS holds no key \(kid)") }
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard let signature = Base64URL.decode(parts[2]),
            key.verify(signature, over: Array(parts[0]) + [UInt8(ascii: ".")] + Array(parts[1]))
        else { throw CommandFailure("the signature does not verify with key \(kid) of the JWKS") }
        return "kid \(kid), verified against the JWKS"
    }
}

/// An application/x-www-form-urlencoded body.
private struct FormBody {
    let text: String

    init(_ parameters: [(String, String)]) {
        text = parameters.map { "\($0.0)=\(Self.escape($0.1))" }.joined(separator: "&")
    }

    private static func escape(_ value: String) -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
        let digits = Array("0123456789ABCDEF".utf8)
        var escaped: [UInt8] = []
        for byte in value.utf8 {
            if plain.contains(byte) {
                escaped.append(byte)
            } else {
                escaped += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}

/// The report of an exchange as lines for people.
struct ExchangeText {
    let lines: [String]

    init(_ report: JSONObject) {
        var lines: [String] = []
        func section(_ title: String, _ name: String) {
            guard let object = report[name]?.object else { return }
            lines.append(title)
            for member in object.members {
                let value = member.value.string ?? String(decoding: JSONWriter.compact(member.value), as: UTF8.self)
                let padded = member.name.padding(toLength: max(22, member.name.count), withPad: " ", startingAt: 0)
                lines.append("  \(padded) \(Self.shown(member, value))")
            }
        }
        section("token header", "header")
        section("token claims", "claims")
        lines.append("signed by  \(report["signed_by"]?.string ?? "-")")
        lines.append("request    \(report["request_id"]?.string ?? "-")")
        if let leaf = report["leaf"]?.integer { section("audit log entry \(leaf)", "entry") }
        self.lines = lines
    }

    /// Times beside their numbers: nobody reads epoch seconds.
    private static func shown(_ member: JSONObject.Member, _ value: String) -> String {
        guard ["iat", "nbf", "exp"].contains(member.name), let seconds = member.value.integer else { return value }
        return "\(value)  (\(UnixTime(seconds: seconds).rfc3339))"
    }
}
