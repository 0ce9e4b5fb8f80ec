import StrictEncoding

/// What a ceremony waits for: whom, and what they are to do.
package struct CeremonyWait: Sendable, Equatable {
    /// Names of those of whom enough must still act.
    package var missing: [String]
    /// How many of them.
    package var needed: Int
    /// What they are to do, as a sentence.
    package var what: String
    /// The files they need, within the ceremony's directory.
    package var files: [String]
    /// Words to compare over the telephone, where there are some.
    package var words: String?
    /// Whether this very process must stay until they have: what it waits with is in its memory alone.
    package var isLive = false

    /// A wait.
    package init(missing: [String], needed: Int, what: String, files: [String], words: String? = nil) {
        self.missing = missing
        self.needed = needed
        self.what = what
        self.files = files
        self.words = words
    }

    var json: JSONValue {
        [
            "missing": .array(missing.map { .string($0) }), "needed": .integer(Int64(needed)), "what": .string(what),
            "files": .array(files.map { .string($0) }), "words": words.map { .string($0) } ?? .null,
            "live": .bool(isLive),
        ]
    }
}
