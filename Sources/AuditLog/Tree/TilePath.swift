/// The place of a tile or entry bundle under the log directory.
///
/// Source: C2SP tlog-tiles, "Merkle Tree" and "Log entries".
struct TilePath: Hashable, Sendable, CustomStringConvertible {
    /// How many hashes or entries a full tile or bundle has.
    static let width = 256
    /// The highest level there can be.
    static let maximumLevel = 63

    /// Hashes of one level, or entries.
    enum Kind: Hashable, Sendable {
        case hashes(level: Int)
        case entries
    }

    let kind: Kind
    let index: UInt64
    /// How many hashes or entries a partial one has; nil for a full one.
    let partialWidth: Int?

    init(_ kind: Kind, index: UInt64, partialWidth: Int? = nil) {
        self.kind = kind
        self.index = index
        self.partialWidth = partialWidth
    }

    /// The full tile or bundle at the same place.
    var full: TilePath { TilePath(kind, index: index) }

    /// How many hashes or entries it holds.
    var count: Int { partialWidth ?? TilePath.width }

    /// The index after the last entry that a full one spans.
    ///
    /// Source: C2SP tlog-tiles, "Merkle Tree".
    var endIndex: UInt64 {
        switch kind {
        case .entries: (index + 1) << 8
        case .hashes(let level): level < 7 ? (index + 1) << (8 * (UInt64(level) + 1)) : .max
        }
    }

    /// Relative to the log directory.
    var description: String {
        partialWidth.map { "\(partialDirectory)/\($0)" } ?? directoryAndName
    }

    /// Where the partial ones of this place are.
    var partialDirectory: String { directoryAndName + ".p" }

    private var directoryAndName: String {
        switch kind {
        case .hashes(let level): "tile/\(level)/\(TilePath.encode(index))"
        case .entries: "tile/entries/\(TilePath.encode(index))"
        }
    }

    /// Groups of three digits, all but the last with an `x` before it.
    private static func encode(_ index: UInt64) -> String {
        var rest = index
        var groups: [String] = []
        repeat {
            let digits = String(rest % 1000)
            let group = String(repeating: "0", count: 3 - digits.utf8.count) + digits
            groups.append(groups.isEmpty ? group : "x" + group)
            rest /= 1000
        } while rest > 0
        return groups.reversed().joined(separator: "/")
    }

    /// Reads a path; nil unless it is exactly what `description` writes.
    init?(parsing path: String) {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0] == "tile" else { return nil }
        var width: Int?
        if parts.count >= 4, parts[parts.count - 2].hasSuffix(".p") {
            guard let number = Int(parts.removeLast()), (1..<TilePath.width).contains(number) else { return nil }
            width = number
            parts.append(parts.removeLast().dropLast(2))
        }
        var index: UInt64 = 0
        for part in parts.dropFirst(2) {
            guard let digits = UInt64(part.drop { $0 == "x" }), digits < 1000, index < 1_000_000_000_000_000 else {
                return nil
            }
            index = index * 1000 + digits
        }
        if parts[1] == "entries" {
            self.init(.entries, index: index, partialWidth: width)
        } else {
            guard let level = Int(parts[1]), (0...TilePath.maximumLevel).contains(level) else { return nil }
            self.init(.hashes(level: level), index: index, partialWidth: width)
        }
        // One comparison refuses every form that is not the canonical one.
        guard description == path else { return nil }
    }
}
