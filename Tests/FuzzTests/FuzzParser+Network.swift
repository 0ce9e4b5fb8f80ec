@testable import Minting
import StrictEncoding

extension FuzzParser {
    /// What is accepted has one meaning: written again, it reads the same, and its canonical form is a fixed point.
    func json(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let value = try? JSONParser.parse(input) else { return false }
        try FuzzFinding.unless(
            (try? JSONParser.parse(JSONWriter.compact(value))) == value, "reads another way once written")
        let canonical = JSONWriter.canonical(value)
        guard let again = try? JSONParser.parse(canonical) else { throw FuzzFinding("its canonical form is refused") }
        try FuzzFinding.unless(JSONWriter.canonical(again) == canonical, "has two canonical forms")
        return true
    }

    /// What is accepted is exactly the base64url of two objects, with and without a signature.
    func jws(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        if let parsed = try? SigningInput(parsing: input) {
            let parts = input.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            try FuzzFinding.unless(parts.count == 2, "accepts other than two parts")
            for (part, object) in zip(parts, [parsed.header, parsed.claims]) {
                guard let bytes = Base64URL.decode(part), Base64URL.encode(bytes).elementsEqual(part),
                    (try? JSONParser.parse(bytes)) == .object(object)
                else { throw FuzzFinding("accepts a part in two spellings") }
            }
            return true
        }
        guard let parsed = try? ParsedJWS(parsing: input, maximumLength: 16_384) else { return false }
        try FuzzFinding.unless(input.count { $0 == UInt8(ascii: ".") } == 2, "accepts other than three parts")
        try FuzzFinding.unless(!parsed.header.kid.isEmpty, "accepts an empty kid")
        return true
    }

    /// What is accepted reads the same once written, with the same version.
    func jwks(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let set = try? JSONWebKeySet(parsing: input) else { return false }
        let again = try? JSONWebKeySet(parsing: JSONWriter.compact(.object(set.json)))
        try FuzzFinding.unless(
            again?.version == set.version && again?.keys.count == set.keys.count, "reads another way once written")
        return true
    }

    /// What is accepted is UTF-8 without control characters, and bounded.
    func form(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let form = try? FormParameters(parsing: input) else { return false }
        let isSound = form.parameters.allSatisfy { parameter in
            String(validating: parameter.value, as: UTF8.self) != nil
                && parameter.value.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        }
        try FuzzFinding.unless(
            isSound && form.parameters.count <= FormParameters.maximumCount, "accepts bytes that it must not")
        return true
    }

    /// The tokens are exactly the text between single spaces, each once.
    func scope(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let tokens = try? Scope.tokens(input) else { return false }
        try FuzzFinding.unless(Array(tokens.joined(separator: " ").utf8) == input, "drops part of a scope")
        try FuzzFinding.unless(Set(tokens).count == tokens.count, "accepts a value twice")
        return true
    }

    /// Nothing that a reader of URIs could take for another place.
    func resource(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard ResourceURI.isAcceptable(input) else { return false }
        let segments = input.prefix { $0 != UInt8(ascii: "?") }.split(separator: UInt8(ascii: "/"))
        // The scheme and, where there is one, the authority stand before the path.
        let path = segments.dropFirst(input.contains(UInt8(ascii: "/")) ? 2 : 1)
        let isOdd = path.contains { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }
        let isPlain = input.allSatisfy { (0x21...0x7E).contains($0) && !"\\#".utf8.contains($0) }
        try FuzzFinding.unless(!isOdd && isPlain, "accepts an odd spelling")
        return true
    }

    /// What is accepted reads the same in the token.
    func details(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let invocation = try? ToolInvocation(parsing: input) else { return false }
        let again = try? ToolInvocation(parsing: JSONWriter.compact(invocation.json))
        try FuzzFinding.unless(again == invocation, "does not read the same in a token")
        return true
    }

    /// A request in one of the three grants has what its grant needs.
    func request(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let request = try? TokenRequest(parsing: input) else { return false }
        switch request.grant {
        case .exchange(let tokens):
            try FuzzFinding.unless(!tokens.subjectToken.isEmpty, "accepts an empty subject token")
        case .assertion(let assertion): try FuzzFinding.unless(!assertion.isEmpty, "accepts an empty assertion")
        case .clientCredentials: break
        }
        return true
    }

    /// Nobody guesses a signature: no input may be accepted.
    func proof(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        let proof = try? DPoPProof(
            verifying: input, method: "POST", target: "https://vault.example/token", now: UnixTime(seconds: 1_000_000))
        try FuzzFinding.unless(proof == nil, "accepts a proof that nobody signed")
        return false
    }

    /// The normal form is a fixed point.
    func targetURI(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let text = String(validating: input, as: UTF8.self), let normal = TargetURI.normalised(text) else {
            return false
        }
        try FuzzFinding.unless(TargetURI.normalised(normal) == normal, "has two normal forms")
        return true
    }

    /// A subject is by plain names.
    func event(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let value = try? JSONParser.parse(input), let subject = SubjectIdentifier(value) else { return false }
        try FuzzFinding.unless(!subject.issuer.isEmpty && !subject.subject.isEmpty, "accepts an empty name")
        return true
    }
}
