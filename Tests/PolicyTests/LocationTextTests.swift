import Testing

@testable import Policy

@Suite struct LocationTextTests {
    @Test(
        "an ordinary location is accepted",
        arguments: [
            "https://a.example", "https://a.example/", "https://a.example:8443/a/b/", "https://[::1]:8443/a",
            "http://a.example:8080/a", "https://a.example/a.b/..c/...", "https://a.example/a%20b/%C3%A4",
            "https://a.example/a?next=https://b.example/../x%2f", "urn:acme:crm", "crm/opportunity/7", "/v1/a",
            "spiffe://acme.example/x", Fixtures.opportunity,
        ])
    func accepted(location: String) {
        #expect(LocationText.isAcceptable(location))
    }

    @Test(
        "an odd location is refused, never folded",
        arguments: [
            "", "https://a.example/../b", "https://a.example/a/./b", "https://a.example/a/..", "https://a.example//b",
            "https://a.example/a//", "https://a.example/a%2Fb", "https://a.example/a%2fb", "https://a.example/%2E%2E/b",
            "https://a.example/%2e", "https://a.example/a%5Cb", "https://a.example/a\\b", "https://a.example/a%00",
            "https://a.example/%61", "https://a.example/%c3%a4", "https://a.example/%25", "https://a.example/%",
            "https://a.example/%4", "https://a.example/%zz", "https://a.example/?%zz", "https://a.example/%23",
            "https://a.example/%3F", "https://a.example/#x", "https://user@a.example/", "https://A.example/",
            "HTTPS://a.example/", "https:///a", "https://", "https://a.example:/", "https://a.example:443/",
            "http://a.example:80/", "https://a.ex%61mple/", "://a.example/", "a/b://c/d", "a b", "a\u{0}b", "ä",
            "a\nb", "a\u{212A}b", "https://a.example/<x>", "https://a.example/{x}", "..", "a/../b",
            String(repeating: "a", count: 2049),
        ])
    func refused(location: String) {
        #expect(!LocationText.isAcceptable(location))
    }
}
