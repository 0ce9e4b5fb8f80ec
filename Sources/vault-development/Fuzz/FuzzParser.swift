import ArgumentParser
import Minting
import StrictEncoding

/// A parser of what the network sends, and what must hold of whatever it accepts.
enum FuzzParser: String, CaseIterable, ExpressibleByArgument {
    case json, jws, form
    case details = "authorization-details"
    case request = "token-request"

    /// Inputs to begin with: small, and each accepted or nearly so.
    var corpus: [[UInt8]] {
        let texts: [String] =
            switch self {
            case .json:
                [
                    "{}", #"{"a":1,"b":[true,null,"x",-1.5e3],"c":{"d":"\u00e4\n"}}"#, "[[],{},\"\",0]",
                    #"{"exp":9007199254740991}"#,
                ]
            case .jws:
                [
                    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwczovL2EiLCJleHAiOjF9",
                    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwczovL2EifQ.AAAA", "e30.e30", "e30.e30.AA",
                ]
            case .form: ["a=b&c=d", "scope=a+b&x=%C3%A4%20y", "a=&b=1", "grant_type=x"]
            case .details:
                [
                    #"[{"type":"tool_invocation","tool":"crm.read","actions":["read"],"locations":["https://a.example/x"]}]"#,
                    #"[{"type":"tool_invocation","tool":"t","identifier":"7","arguments_sha256":"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"}]"#,
                ]
            case .request:
                [
                    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=a.b.c&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&audience=x&scope=a+b",
                    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c&resource=https%3A%2F%2Fa.example%2F",
                    "grant_type=client_credentials&audience=x&receipt=y&authorization_details=%5B%7B%22type%22%3A%22tool_invocation%22%2C%22tool%22%3A%22t%22%7D%5D",
                ]
            }
        return texts.map { Array($0.utf8) }
    }

    /// Parses an input: whether it was accepted, or what it breaks.
    func parse(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        switch self {
        case .json: try json(input)
        case .jws: try jws(input)
        case .form: try form(input)
        case .details: try details(input)
        case .request: (try? TokenRequest(parsing: input)) != nil
        }
    }

    /// What is accepted has one meaning: written again, it reads the same.
    private func json(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let value = try? JSONParser.parse(input) else { return false }
        guard (try? JSONParser.parse(JSONWriter.compact(value))) == value else {
            throw FuzzFinding(description: "does not read the same after it was written")
        }
        return true
    }

    /// What is accepted is exactly the base64url of two objects.
    private func jws(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let parsed = try? SigningInput(parsing: input) else { return false }
        let parts = input.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        for (part, object) in zip(parts, [parsed.header, parsed.claims]) {
            guard let bytes = Base64URL.decode(part), Base64URL.encode(bytes).elementsEqual(part),
                (try? JSONParser.parse(bytes)) == .object(object)
            else { throw FuzzFinding(description: "accepts a part in two spellings") }
        }
        return true
    }

    /// What is accepted is UTF-8 without control characters, and bounded.
    private func form(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let form = try? FormParameters(parsing: input) else { return false }
        let isSound = form.parameters.allSatisfy { parameter in
            String(validating: parameter.value, as: UTF8.self) != nil
                && parameter.value.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        }
        guard isSound, form.parameters.count <= FormParameters.maximumCount else {
            throw FuzzFinding(description: "accepts bytes that it must not")
        }
        return true
    }

    /// What is accepted reads the same in the token.
    private func details(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let invocation = try? ToolInvocation(parsing: input) else { return false }
        guard (try? ToolInvocation(parsing: JSONWriter.compact(invocation.json))) == invocation else {
            throw FuzzFinding(description: "does not read the same in a token")
        }
        return true
    }
}

/// Something that must hold and does not.
struct FuzzFinding: Error, CustomStringConvertible {
    let description: String
}
