/// Everything an examination of one token found out.
package struct TokenReport: Sendable {
    /// The library's path as it was given.
    package let modulePath: String
    /// Which token was asked for (RFC 7512).
    package let uri: String
    /// What the library says of itself.
    package internal(set) var library: LibraryInfo?
    /// What the token says of itself; nil when it was not reached.
    package internal(set) var token: TokenInfo?
    /// What the token can do and where it is peculiar; nil without a login.
    package internal(set) var profile: TokenProfile?
    /// What came of trying each algorithm.
    package internal(set) var algorithms: [AlgorithmReport] = []
    /// Private keys, in the token's order; without a login, those that the manifest names.
    package internal(set) var keys: [KeyReport] = []
    /// How many objects of other kinds there are, by kind.
    package internal(set) var otherObjects: [TokenObject.Kind: Int] = [:]
    /// How long the library took for what, in the order it was done.
    package internal(set) var timings: [(name: String, duration: Duration)] = []
    /// What was found.
    package internal(set) var findings: [Finding] = []
    /// A call did not return: the process cannot use the library any more and must end with `_exit`.
    package internal(set) var isHung = false

    /// Nothing is wrong.
    package var isWell: Bool { !findings.contains { $0.severity == .fault } }

    /// A report that has found nothing yet.
    package init(modulePath: String, uri: String) {
        self.modulePath = modulePath
        self.uri = uri
    }

    /// Adds what somebody else has found.
    package mutating func add(_ finding: Finding) { findings.append(finding) }
}
