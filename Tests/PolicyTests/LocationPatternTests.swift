import Testing

@testable import Policy

@Suite struct LocationPatternTests {
    private func matches(_ pattern: String, _ location: String, identifier: String? = nil) throws -> Bool {
        try LocationPattern(pattern).matches(Array(location.utf8), identifier: LocationIdentifier(identifier))
    }

    @Test(
        "a pattern matches",
        arguments: [
            ("https://a.example/", "https://a.example/"), ("https://a.example/*", "https://a.example/x"),
            ("https://a.example/*/c", "https://a.example/b.1/c"),
            ("https://a.example/v*/c", "https://a.example/v60.0/c"),
            ("https://a.example/*-*", "https://a.example/a-b-c"), ("https://a.example/*b*b", "https://a.example/abbb"),
            ("https://*.a.example/x", "https://eu.a.example/x"), ("https://a.example/*?q=1", "https://a.example/x?q=1"),
            ("https://a.example/*", "https://a.example/a%20b"), ("urn:acme:*:x", "urn:acme:crm:x"),
        ])
    func matching(pattern: String, location: String) throws {
        #expect(try matches(pattern, location))
    }

    @Test(
        "a pattern matches the whole string, and a star stays in its segment",
        arguments: [
            ("https://a.example/x", "https://a.example/xy"), ("https://a.example/x", "https://a.example/x/"),
            ("https://a.example/x", "http://https://a.example/x"), ("https://a.example/*", "https://a.example/"),
            ("https://a.example/*", "https://a.example/x/y"), ("https://a.example/*", "https://a.example/x?y"),
            ("https://a.example/*/c", "https://a.example/b/x/c"), ("https://a.example/*/c", "https://a.example/b?/c"),
            ("https://a.example/*b*b", "https://a.example/abb"),
            ("https://*.a.example/x", "https://evil.example/.a.example/x"),
            ("https://*.a.example/x", "https://.a.example/x"),
        ])
    func notMatching(pattern: String, location: String) throws {
        #expect(try !matches(pattern, location))
    }

    @Test(
        "metacharacters of regular expressions stand for themselves",
        arguments: [
            ("https://a.example/a.c", "https://a.example/abc"), ("https://a.example/a+", "https://a.example/aa"),
            ("https://a.example/(a)", "https://a.example/a"), ("https://a.example/[ab]", "https://a.example/a"),
            ("https://a.example/a$", "https://a.example/a"),
        ])
    func metacharacters(pattern: String, location: String) throws {
        #expect(try !matches(pattern, location))
        #expect(try matches(pattern, pattern))
    }

    @Test(
        "an identifier is substituted literally",
        arguments: [".*", "a*", "*", "(a)", "a|b", "a$", "{identifier}", "a+b", "[a]", "user@acme.example"])
    func literal(identifier: String) throws {
        let pattern = "https://a.example/o/{identifier}"
        #expect(try matches(pattern, "https://a.example/o/\(identifier)", identifier: identifier))
        #expect(try !matches(pattern, "https://a.example/o/anything", identifier: identifier))
        #expect(try !matches(pattern, "https://a.example/o/a", identifier: identifier))
    }

    @Test(
        "an identifier that is more than one segment, or another one, matches nothing",
        arguments: ["a/b", "..", ".", "a..b", "a?b", "a#b", "a%2Fb", "%", "a\\b", "", "ä", "a b", "/"])
    func unusable(identifier: String) throws {
        #expect(LocationIdentifier(identifier) == .unusable)
        let pattern = "https://a.example/o/{identifier}"
        #expect(try !matches(pattern, "https://a.example/o/\(identifier)", identifier: identifier))
    }

    @Test func anIdentifierMayStandTwiceAndInTheMiddle() throws {
        let pattern = "https://a.example/{identifier}/x/{identifier}.json"
        #expect(try matches(pattern, "https://a.example/7/x/7.json", identifier: "7"))
        #expect(try !matches(pattern, "https://a.example/7/x/8.json", identifier: "7"))
    }

    @Test func aPatternWithAnIdentifierDoesNotMatchARequestWithoutOne() throws {
        #expect(try !matches("https://a.example/{identifier}", "https://a.example/x"))
        #expect(try !matches("https://a.example/{identifier}", "https://a.example/{identifier}"))
    }

    @Test(
        "what is no pattern is refused at load",
        arguments: [
            ("", LocationPattern.Failure.empty), ("https://a.example/**", .adjacentStars),
            ("https://a.example/{id}", .brace), ("https://a.example/{", .brace), ("https://a.example/}", .brace),
            ("https://a.example/{identifier", .brace), ("https://A.example/", .unmatchable),
            ("https://a.example/a/../b", .unmatchable), ("https://a.example//b", .unmatchable),
            ("https://a.example/#x", .unmatchable), ("https://a.example:443/", .unmatchable),
            ("https://a.example:0443/", .unmatchable), ("https://a.example:8o/", .unmatchable),
            ("https://a.example./", .unmatchable), ("https://a.example/a/..;b/c", .unmatchable),
            ("https://a.example/.;b", .unmatchable), ("https://a.example/o(%2742%27)", .unmatchable),
            ("https://a.example/u/ceo%40a.example", .unmatchable), ("https://a.example/a%3Bb", .unmatchable),
            ("https://a.example/ä", .unmatchable), ("https://a.example/a b", .unmatchable),
            ("https://a.example/\u{0}", .unmatchable), ("https://a.example/%2F", .unmatchable),
            ("https://a.example/" + String(repeating: "a", count: 2048), .tooLong),
        ])
    func refused(text: String, failure: LocationPattern.Failure) {
        #expect(throws: failure) { try LocationPattern(text) }
    }

    /// Many stars against a text that never matches: with naive backtracking this would not end in a lifetime.
    @Test func theWorkIsBounded() throws {
        let pattern = "https://a.example/" + String(repeating: "*a", count: 400) + "b"
        let location = "https://a.example/" + String(repeating: "a", count: 2000)
        #expect(try !matches(pattern, location))
    }
}
