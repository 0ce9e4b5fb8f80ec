/// Makes new inputs of old ones: a few random changes at a time, some of them ones that parsers have fallen for.
struct FuzzMutator {
    /// The longest input in bytes: beyond every parser's own bound.
    static let maximumLength = 70_000

    /// Texts that mean something to one parser or another.
    private static let words: [[UInt8]] = [
        "{", "}", "[", "]", "\"", ":", ",", ".", "..", "=", "&", "%", "%00", "%zz", "+", "-", "_", "null", "true",
        "1e400",
        "-0", "9007199254740993", "\\u0000", "\\ud800", "\\udc00\\ud800", "\u{FEFF}", "\u{212A}", "\"alg\":\"none\"",
        "\"crit\":[\"exp\"]", "\"b64\":false", "\"kid\":\"../../x\"", "eyJ", "e30", "W10", "grant_type=",
        "authorization_details=", "tool_invocation", "\"type\":\"tool_invocation\"", "[[[[[[[[",
        "{\"a\":{\"a\":{\"a\":",
    ].map { Array($0.utf8) }

    private var random: FuzzRandom

    init(seed: UInt64) { random = FuzzRandom(seed: seed) }

    /// One of `corpus`, changed one to eight times.
    mutating func next(from corpus: [[UInt8]]) -> [UInt8] {
        var input = corpus[random.below(corpus.count)]
        for _ in 0...random.below(8) { change(&input, corpus) }
        if input.count > Self.maximumLength { input.removeLast(input.count - Self.maximumLength) }
        return input
    }

    private mutating func change(_ input: inout [UInt8], _ corpus: [[UInt8]]) {
        let position = random.below(input.count + 1)
        switch random.below(8) {
        case 0: input.insert(UInt8(truncatingIfNeeded: random.next()), at: position)
        case 1: input.insert(contentsOf: Self.words[random.below(Self.words.count)], at: position)
        case 2 where position < input.count: input.remove(at: position)
        case 3 where position < input.count: input[position] ^= 1 << UInt8(random.below(8))
        case 4 where position < input.count: input[position] = UInt8(truncatingIfNeeded: random.next())
        case 5: input.removeLast(input.count - position)
        case 6:
            // Something again: duplicate members, parameters and parts.
            let end = min(input.count, position + 1 + random.below(64))
            input.insert(contentsOf: Array(input[position..<end]), at: random.below(input.count + 1))
        default:
            let other = corpus[random.below(corpus.count)]
            input = Array(input[..<position]) + other.suffix(random.below(other.count + 1))
        }
    }
}
