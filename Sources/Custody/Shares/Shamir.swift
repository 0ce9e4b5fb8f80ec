/// Shamir's secret sharing over GF(2^8), byte by byte (Shamir 1979).
///
/// The share with index x holds the values of the polynomials at x; the secret is their value at 0. Fields and
/// polynomials are those of HashiCorp Vault's, whose shares are these bytes with the index after them.
package enum Shamir {
    /// The most shares one secret is split into.
    package static let mostShares = 16

    /// Splits a secret so that any `threshold` of `count` shares make it whole, and fewer say nothing of it.
    ///
    /// The values of the shares 1 to `count`, in order.
    package static func split(_ secret: LockedBytes, threshold: Int, count: Int) throws(CustodyError) -> [LockedBytes] {
        guard (2...mostShares).contains(threshold), (threshold...mostShares).contains(count), secret.count > 0 else {
            throw CustodyError(
                .malformed, "a secret is split among 2 to \(mostShares) custodians, and at least 2 must be needed")
        }
        let coefficients = try LockedBytes.random(count: secret.count * (threshold - 1))
        var shares: [LockedBytes] = []
        for x in 1...UInt8(count) {
            shares.append(try value(at: x, secret: secret, coefficients: coefficients, degree: threshold - 1))
        }
        return shares
    }

    /// The secret of shares with the given indices, which must differ and not be 0.
    ///
    /// Shares that do not belong together give another secret: commitments are checked before.
    package static func combine(_ shares: [(index: UInt8, value: LockedBytes)]) throws(CustodyError) -> LockedBytes {
        let indices = shares.map(\.index)
        guard let length = shares.first?.value.count, shares.count >= 2, shares.count <= 255 else {
            throw CustodyError(.tooFew, "at least two shares are needed")
        }
        guard Set(indices).count == indices.count, !indices.contains(0) else {
            throw CustodyError(.repeated, "two shares have one index")
        }
        guard shares.allSatisfy({ $0.value.count == length }) else {
            throw CustodyError(.malformed, "the shares have different lengths")
        }
        let weights = indices.map { weight(of: $0, among: indices) }
        return try LockedBytes(count: length) { secret in
            for (share, weight) in zip(shares, weights) {
                share.value.withSpan { value in
                    for index in value.indices { secret[index] ^= GF256.multiply(value[index], weight) }
                }
            }
        }
    }

    private static func value(
        at x: UInt8, secret: LockedBytes, coefficients: LockedBytes, degree: Int
    ) throws(CustodyError) -> LockedBytes {
        try LockedBytes(count: secret.count) { value in
            secret.withSpan { secret in
                coefficients.withSpan { coefficients in
                    for index in secret.indices {
                        var sum: UInt8 = 0
                        // Horner's rule from the highest power down.
                        for power in 0..<degree {
                            sum = GF256.multiply(sum ^ coefficients[index * degree + power], x)
                        }
                        value[index] = sum ^ secret[index]
                    }
                }
            }
        }
    }

    /// The Lagrange basis polynomial of one index at 0; indices are no secret.
    private static func weight(of index: UInt8, among indices: [UInt8]) -> UInt8 {
        indices.filter { $0 != index }.reduce(1) { product, other in
            GF256.multiply(product, GF256.multiply(other, GF256.inverse(other ^ index)))
        }
    }
}
