/// A pattern for whole locations, compiled at load; there are no regular expressions.
///
/// `*` stands for one or more characters other than `/` and `?`, so it never leaves its path segment. `{identifier}`
/// stands for the request's identifier, literally: an identifier that could be read as more than one segment matches
/// nothing. Everything else stands for itself. A pattern always matches a whole location.
struct LocationPattern: Sendable, Equatable {
    /// Why a text is no pattern.
    enum Failure: Error, Equatable {
        case empty, tooLong, brace, adjacentStars, unmatchable
    }

    // Two bytes that no location holds mark the variable parts.
    private static let star: UInt8 = 0x00
    private static let identifier: UInt8 = 0x01

    private let elements: [UInt8]
    private let usesIdentifier: Bool
    private let namesQuery: Bool

    /// Compiles a pattern.
    init(_ text: String) throws(Failure) {
        guard !text.isEmpty else { throw .empty }
        guard text.utf8.count <= LocationText.maximumLength else { throw .tooLong }
        elements = try LocationPattern.compile(Array(text.utf8))
        usesIdentifier = elements.contains(LocationPattern.identifier)
        namesQuery = elements.contains(UInt8(ascii: "?"))
        // With every variable part replaced, a port's by a digit and others by a letter, it must be a location that a
        // request may name.
        let sample = elements.reduce(into: [UInt8]()) { sample, element in
            let filler = sample.last == UInt8(ascii: ":") ? UInt8(ascii: "1") : UInt8(ascii: "x")
            sample.append(element <= LocationPattern.identifier ? filler : element)
        }
        guard LocationText.isAcceptable(sample) else { throw .unmatchable }
    }

    private static func compile(_ text: [UInt8]) throws(Failure) -> [UInt8] {
        let placeholder = Array("{identifier}".utf8)
        var elements: [UInt8] = []
        var rest = text[...]
        while let byte = rest.first {
            switch byte {
            case UInt8(ascii: "*"):
                guard elements.last != star else { throw .adjacentStars }
                elements.append(star)
                rest.removeFirst()
            case UInt8(ascii: "{"), UInt8(ascii: "}"):
                guard rest.starts(with: placeholder) else { throw .brace }
                elements.append(identifier)
                rest.removeFirst(placeholder.count)
            default:
                guard byte > identifier else { throw .unmatchable }
                elements.append(byte)
                rest.removeFirst()
            }
        }
        return elements
    }

    /// Whether the pattern grants this location to a request with this identifier.
    func matches(_ location: [UInt8], identifier: LocationIdentifier) -> Bool {
        guard usesIdentifier else { return LocationPattern.match(elements, location) }
        guard case .literal(let bytes) = identifier else { return false }
        return LocationPattern.match(substituting(bytes), location)
    }

    /// Whether the pattern denies this location: an identifier that is absent or unusable matches like `*`, and a
    /// pattern without a query matches whatever the query.
    func denies(_ location: [UInt8], identifier: LocationIdentifier) -> Bool {
        var elements = elements
        if usesIdentifier {
            if case .literal(let bytes) = identifier {
                elements = substituting(bytes)
            } else {
                elements = substituting([LocationPattern.star])
            }
        }
        if LocationPattern.match(elements, location) { return true }
        guard !namesQuery, let question = location.firstIndex(of: UInt8(ascii: "?")) else { return false }
        return LocationPattern.match(elements, Array(location[..<question]))
    }

    private func substituting(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(elements.count + bytes.count)
        for element in elements {
            if element == LocationPattern.identifier { result += bytes } else { result.append(element) }
        }
        return result
    }

    /// Whether the whole text matches.
    ///
    /// It goes back to the last star alone, which is enough: what a star may not match ends its segment, and a literal
    /// that holds such a byte can align in one place only. So the work is bounded by the product of the lengths.
    private static func match(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
        var next = 0
        var position = 0
        var resume: (pattern: Int, text: Int)?
        while position < text.count {
            if next < pattern.count, pattern[next] == star {
                guard isSegmentByte(text[position]) else { return false }
                next += 1
                position += 1
                resume = (next, position)
            } else if next < pattern.count, pattern[next] == text[position] {
                next += 1
                position += 1
            } else if let last = resume, isSegmentByte(text[last.text]) {
                next = last.pattern
                position = last.text + 1
                resume = (next, position)
            } else {
                return false
            }
        }
        return next == pattern.count
    }

    private static func isSegmentByte(_ byte: UInt8) -> Bool { byte != UInt8(ascii: "/") && byte != UInt8(ascii: "?") }
}

/// A request's identifier as a pattern may use it.
enum LocationIdentifier: Sendable, Equatable {
    /// The request names none.
    case absent
    /// It could be read as more than one path segment, or as another one.
    case unusable
    /// Its bytes, to be matched literally.
    case literal([UInt8])

    /// Decides about an identifier.
    init(_ identifier: String?) {
        guard let identifier else {
            self = .absent
            return
        }
        let bytes = Array(identifier.utf8)
        let isPlain = bytes.allSatisfy { byte in
            (0x21...0x7E).contains(byte) && !"/?#%\\".utf8.contains(byte)
        }
        let dot = UInt8(ascii: ".")
        let hasTwoDots = zip(bytes, bytes.dropFirst()).contains { $0 == dot && $1 == dot }
        self = isPlain && !bytes.isEmpty && bytes != [dot] && !hasTwoDots ? .literal(bytes) : .unusable
    }
}
