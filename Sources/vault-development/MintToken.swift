import ArgumentParser
import StrictEncoding
import VaultTesting

/// `token`: what an identity provider would have issued.
struct MintToken: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Print a JWT for a user or an agent, signed with a private JWK.")

    @Option(help: "File with the private JWK; its alg is the token's.", completion: .file()) var jwk: String
    @Option(help: "Claim iss.") var issuer: String
    @Option(help: "Claim aud.") var audience: String
    @Option(help: "Claim sub.") var subject: String
    @Option(help: "Claim groups: names with commas between them.") var groups: String?
    @Option(help: "Seconds from iat to exp.") var lifetime: Int64 = 300
    @Option(help: "Seconds to move iat, nbf and exp by; negative for the past.") var shift: Int64 = 0
    @Option(
        name: .customLong("claim"),
        help: "A further claim as NAME=VALUE; the value is read as JSON if it is JSON, null removes the claim.")
    var claims: [String] = []

    func run() throws {
        let key = try DevelopmentKey(privateJWK: OwnerOnlyFile.read(jwk))
        var body = DevelopmentClaims(
            issuer: issuer, subject: subject, audience: audience,
            issuedAt: VaultDevelopmentCommand.now().adding(seconds: shift), lifetime: lifetime, jwtID: Self.identifier()
        )
        body.groups = groups.map { $0.split(separator: ",").map(String.init) }
        print(try key.sign(header: key.header, claims: body.json(changing: try claims.map(Self.member))))
    }

    private static func member(_ text: String) throws -> JSONObject.Member {
        guard let separator = text.firstIndex(of: "="), separator != text.startIndex else {
            throw ValidationError("--claim wants NAME=VALUE")
        }
        let value = String(text[text.index(after: separator)...])
        let json = try? JSONParser.parse(Array(value.utf8))
        return JSONObject.Member(name: String(text[..<separator]), value: json ?? .string(value))
    }

    /// 128 random bits, so that two tokens never share their jti.
    private static func identifier() -> String {
        Base64URL.string((0..<16).map { _ in UInt8.random(in: .min ... .max) })
    }
}
