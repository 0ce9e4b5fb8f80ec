/// Where a ceremony is in its life; always read from the files of its directory (docs/ceremonies.md).
package enum CeremonyState: String, Sendable, CaseIterable {
    /// There is a plan.
    case draft
    /// It ran on a throw-away token.
    case rehearsed
    /// Enough custodians have signed it.
    case approved
    /// It has begun.
    case running
    /// It ended with its purpose.
    case completed
    /// It ended without.
    case aborted
    /// Its time ran out before it ended.
    case expired
    /// It ended, and custodians and witnesses have signed the head of its transcript.
    case sealed

    /// Whether nothing of it can change any more but who has signed.
    package var isOver: Bool { self == .completed || self == .aborted || self == .sealed }
}
