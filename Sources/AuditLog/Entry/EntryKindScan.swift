import Glibc

/// Tells from an entry's bytes whether it is of one of some kinds: parsing a million entries would take long.
///
/// Entries are canonical JSON, in which no string can hold these bytes: its quotes have backslashes before them.
struct EntryKindScan: Sendable {
    private static let member = Array(#""kind":""#.utf8)
    private let values: [[UInt8]]

    /// A scan for some kinds.
    init(_ kinds: Set<Entry.Kind>) { values = kinds.map { Array("\($0.rawValue)\"".utf8) } }

    /// Whether the entry is of one of them.
    func matches(_ entry: ArraySlice<UInt8>) -> Bool {
        // Safety: the pointer covers the slice's own bytes, and is used within the closure alone.
        let offset: Int? = unsafe entry.withUnsafeBytes { unsafe EntryKindScan.end(ofMemberIn: $0) }
        guard let offset else { return false }
        let value = entry[(entry.startIndex + offset)...]
        return values.contains { value.starts(with: $0) }
    }

    /// Where the member's value begins; nil where there is no such member.
    private static func end(ofMemberIn bytes: UnsafeRawBufferPointer) -> Int? {
        let length = member.count
        var position = 1
        while position < bytes.count {
            // Safety: the search begins within the buffer and ends with it.
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[position...])
            guard let start = rest.baseAddress,
                let found = unsafe memchr(start, Int32(UInt8(ascii: "k")), rest.count)
            else { return nil }
            // The name's first letter comes after its quote.
            let begin = unsafe position + (UnsafeRawPointer(found) - start) - 1
            guard begin + length <= bytes.count else { return nil }
            var matched = 0
            // Safety: the range was just compared with the buffer's end.
            while matched < length, unsafe bytes[begin + matched] == member[matched] { matched += 1 }
            if matched == length { return begin + length }
            position = begin + 2
        }
        return nil
    }
}
