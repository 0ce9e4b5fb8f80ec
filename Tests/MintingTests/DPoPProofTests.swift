import StrictEncoding
import Testing

@testable import Minting

@Suite struct DPoPProofTests {
    private static let issuedAt: Int64 = 1_562_262_616

    private func outcome(
        _ proof: String = DPoPVectors.tokenRequest, method: String = "POST",
        target: String = "https://server.example.com/token", at second: Int64 = issuedAt
    ) -> Result<DPoPProof, TokenRejection> {
        Result { () throws(TokenRejection) in
            try DPoPProof(
                verifying: Array(proof.utf8), method: method, target: target, now: UnixTime(seconds: second))
        }
    }

    private func rejection(_ result: Result<DPoPProof, TokenRejection>) -> TokenRejection.Code? {
        if case .failure(let rejection) = result { rejection.code } else { nil }
    }

    @Test func theExamplesOfTheStandardAreVerified() throws {
        let proof = try outcome().get()
        #expect(proof.thumbprint == DPoPVectors.thumbprint)
        #expect(proof.jti == "-BwC3ESc6acc2lTc")
        #expect(proof.nonce == nil)
        #expect(proof.acceptableUntil == Self.issuedAt + 90)
        let other = outcome(
            DPoPVectors.resourceRequest, method: "GET", target: "https://resource.example.org/protectedresource")
        #expect(try other.get().thumbprint == DPoPVectors.thumbprint)
    }

    @Test func anExampleWithOneOtherCharacterIsNot() {
        let proof = DPoPVectors.tokenRequest
        for offset in [proof.utf8.count - 30, proof.utf8.count - 150] {
            var bytes = Array(proof.utf8)
            bytes[offset] = bytes[offset] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(rejection(outcome(String(decoding: bytes, as: UTF8.self))) != nil)
        }
        #expect(rejection(outcome(method: "GET")) == .badClaim("htm"))
        #expect(rejection(outcome(target: "https://server.example.com/tokens")) == .badClaim("htu"))
    }

    @Test(
        "a proof is accepted within its window, to the second",
        arguments: [(-30, nil), (-31, .issuedInFuture), (90, nil), (91, .tooOld)] as [(Int64, TokenRejection.Code?)])
    func window(offset: Int64, expected: TokenRejection.Code?) {
        #expect(rejection(outcome(at: Self.issuedAt + offset)) == expected)
    }

    @Test(
        "one URI has many spellings, and others are not it",
        arguments: [
            ("https://a.example/x", "https://a.example/x"), ("HTTPS://A.Example:443/x?q#f", "https://a.example/x"),
            ("https://a.example:/x", "https://a.example/x"), ("https://a.example", "https://a.example/"),
            ("https://a.example?q", "https://a.example/"),
            ("https://a.example/%7euser/%c3%bc", "https://a.example/~user/%C3%BC"),
            ("http://a.example:80/", "http://a.example/"), ("https://a.example:8443/", "https://a.example:8443/"),
            ("https://a.example/x/", "https://a.example/x/"), ("https://a.example//x", "https://a.example//x"),
            ("https://[::1]:443/x", "https://[::1]/x"), ("https://a.example/%2Fx", "https://a.example/%2Fx"),
            ("https://a.example/../x", nil), ("https://a.example/%2e%2E/x", nil), ("https://u@a.example/x", nil),
            ("https://a.example/%", nil), ("https://a.example/%zz", nil), ("https:///x", nil),
            ("ftp://a.example/", nil),
            ("/x", nil), ("", nil), ("https:a.example", nil), ("https://a.example/\u{E9}", nil), ("https://a b/", nil),
        ] as [(String, String?)])
    func normalised(text: String, expected: String?) {
        #expect(TargetURI.normalised(text) == expected)
    }
}
