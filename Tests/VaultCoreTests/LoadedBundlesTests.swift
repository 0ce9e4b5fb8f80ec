import Testing

@testable import VaultCore

/// Which bundles requests may be decided under while bundles come and go.
@Suite struct LoadedBundlesTests {
    @Test func theBundleInForceOutlivesTheRetirementThatAnEarlierOneBegan() throws {
        let bundles = LoadedBundles()
        let first = try #require(bundles.admit("first"))
        let second = try #require(bundles.admit("second"))
        // Ten seconds after the first load, and after the second.
        bundles.retire(before: first)
        #expect(bundles.contains("first") && bundles.contains("second"))
        bundles.retire(before: second)
        #expect(!bundles.contains("first") && bundles.contains("second"))
    }

    @Test func aBundleThatIsLoadedAgainStays() throws {
        let bundles = LoadedBundles()
        _ = bundles.admit("first")
        let second = try #require(bundles.admit("second"))
        let again = try #require(bundles.admit("first"))
        bundles.retire(before: second)
        #expect(bundles.contains("first") && bundles.contains("second"))
        bundles.retire(before: again)
        #expect(bundles.contains("first") && !bundles.contains("second"))
    }

    @Test func howManyAreRememberedIsBounded() throws {
        let bundles = LoadedBundles()
        for number in 0..<10_000 { #expect(bundles.admit("\(number)") != nil) }
        #expect(bundles.admit("one more") == nil && !bundles.contains("one more"))
        let again = try #require(bundles.admit("7"))
        bundles.retire(before: again)
        #expect(bundles.admit("one more") != nil && bundles.contains("7") && !bundles.contains("8"))
        bundles.keep { $0 != "7" }
        #expect(!bundles.contains("7"))
    }
}
