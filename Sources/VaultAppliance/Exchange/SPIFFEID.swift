/// A SPIFFE id, in the one form in which two of them can be compared byte by byte.
///
/// Source: SPIFFE-ID section 2.
struct SPIFFEID: Sendable, Equatable {
    /// What every id begins with.
    static let scheme = "spiffe://"
    private static let maximumLength = 2048

    /// The whole id.
    let text: String
    /// Who vouches for it: the id without its path.
    let trustDomain: String

    /// Reads an id with a path; nil for anything else, and for spellings that other readers would change.
    init?(_ text: String) {
        guard text.hasPrefix(Self.scheme), text.utf8.count <= Self.maximumLength else { return nil }
        let parts = text.utf8.dropFirst(Self.scheme.utf8.count).split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard let domain = parts.first, parts.count > 1, !domain.isEmpty, domain.allSatisfy(Self.isOfDomain),
            parts.dropFirst().allSatisfy(Self.isSegment), let name = String(domain)
        else { return nil }
        self.text = text
        trustDomain = Self.scheme + name
    }

    private static func isOfDomain(_ byte: UInt8) -> Bool {
        isLower(byte) || isDigit(byte) || ".-_".utf8.contains(byte)
    }

    private static func isSegment(_ segment: Substring.UTF8View) -> Bool {
        !segment.isEmpty && !segment.elementsEqual(".".utf8) && !segment.elementsEqual("..".utf8)
            && segment.allSatisfy { isLower($0 | 0x20) || isDigit($0) || ".-_".utf8.contains($0) }
    }

    private static func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}

extension PeerCertificate {
    /// The certificate's SPIFFE id: it is an X.509-SVID only if that is its one URI (SPIFFE X.509-SVID section 2).
    var spiffeID: SPIFFEID? { uris.count == 1 ? SPIFFEID(uris[0]) : nil }
}
