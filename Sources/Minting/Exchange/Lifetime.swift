package import StrictEncoding

/// How long a token of ours may live.
package enum Lifetime {
    /// The least of what was granted, of what key and kind allow and of what is left of the tokens it is made from, in
    /// seconds.
    ///
    /// What was granted is what the request asks for, within what the rule allows (`Rule.Lifetime`). Nil when nothing is
    /// left: a token that is accepted within clock skew though its `exp` has passed has no life to give. All arguments are
    /// in seconds; `expiries` are `exp` claims.
    package static func cap(
        granted: Int64, key: Int64, kind: TokenKind = .accessToken, now: UnixTime, expiries: [Int64]
    ) -> Int64? {
        var lifetime = min(granted, key)
        if let maximum = kind.maximumLifetime { lifetime = min(lifetime, maximum) }
        for expiry in expiries {
            let (left, overflow) = expiry.subtractingReportingOverflow(now.seconds)
            guard !overflow else { return nil }
            lifetime = min(lifetime, left)
        }
        return lifetime > 0 ? lifetime : nil
    }
}
