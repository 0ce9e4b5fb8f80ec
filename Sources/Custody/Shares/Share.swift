import Crypto
import StrictEncoding

/// What one custodian holds: a share of an epoch's activation secret, and what it belongs to.
package struct Share: Sendable {
    /// The length of an activation secret and of each share's value, in bytes.
    package static let secretLength = 32
    private static let magic = Array("vault-share/1\n".utf8)
    private static let saltLength = 16
    private static let length = magic.count + 16 + 4 + 3 + saltLength + secretLength

    /// The appliance it is for: 32 hexadecimal digits.
    package let appliance: String
    package let epoch: UInt32
    /// How many shares it takes.
    package let threshold: UInt8
    /// How many shares there are.
    package let count: UInt8
    /// Which one this is, from 1.
    package let index: UInt8
    /// Everything above with the value, as it stands in the share's file.
    package let encoded: LockedBytes

    /// Splits a secret into the shares of an epoch.
    package static func make(
        of secret: LockedBytes, appliance: String, epoch: UInt32, threshold: Int, count: Int
    ) throws(CustodyError) -> [Share] {
        guard let appliance = Hexadecimal.decode(appliance), appliance.count == 16, secret.count == secretLength else {
            throw CustodyError(.malformed, "the appliance id or the secret has another length than it must have")
        }
        var shares: [Share] = []
        for (offset, value) in try Shamir.split(secret, threshold: threshold, count: count).enumerated() {
            var head = magic + appliance
            head += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: epoch >> $0) }
            head += [UInt8(threshold), UInt8(count), UInt8(offset + 1)]
            let salt = try LockedBytes.random(count: saltLength)
            shares.append(try Share(decoding: try assemble(head, salt, value)))
        }
        return shares
    }

    private static func assemble(
        _ head: [UInt8], _ salt: LockedBytes, _ value: LockedBytes
    ) throws(CustodyError) -> LockedBytes {
        try LockedBytes(count: length) { span in
            for (index, byte) in head.enumerated() { span[index] = byte }
            salt.withSpan { salt in for index in salt.indices { span[head.count + index] = salt[index] } }
            value.withSpan { value in
                for index in value.indices { span[head.count + saltLength + index] = value[index] }
            }
        }
    }

    /// Reads the contents of a share's file.
    package init(decoding encoded: LockedBytes) throws(CustodyError) {
        guard encoded.count == Share.length else { throw CustodyError(.malformed, "this is not a share") }
        let head = encoded.withSpan { span in (0..<Share.magic.count + 23).map { span[$0] } }
        guard head.starts(with: Share.magic) else { throw CustodyError(.malformed, "this is not a share") }
        let fields = Array(head.dropFirst(Share.magic.count))
        appliance = Hexadecimal.string(fields[..<16])
        epoch = fields[16..<20].reduce(0) { $0 << 8 | UInt32($1) }
        (threshold, count, index) = (fields[20], fields[21], fields[22])
        guard threshold >= 2, count >= threshold, (1...count).contains(index), count <= UInt8(Shamir.mostShares) else {
            throw CustodyError(.malformed, "this is not a share: its numbers make no sense")
        }
        self.encoded = encoded
    }

    /// SHA-256 of the share, in hexadecimal: published, so that a wrong share is named before shares are combined.
    ///
    /// The share's random salt, 16 bytes, keeps anybody from trying values against it.
    package var commitment: String {
        // Safety: the bytes are lent for the length of the call.
        unsafe encoded.withUnsafeBytes { unsafe Hexadecimal.string(SHA256.hash(data: $0)) }
    }

    /// The secret of enough shares of one epoch.
    package static func combine(_ shares: [Share]) throws(CustodyError) -> LockedBytes {
        guard let first = shares.first, shares.count >= Int(first.threshold) else {
            throw CustodyError(.tooFew, "\(shares.first?.threshold ?? 2) shares are needed, \(shares.count) are there")
        }
        for share in shares
        where share.appliance != first.appliance || share.epoch != first.epoch || share.threshold != first.threshold {
            throw CustodyError(.foreign, "share \(share.index) belongs to another appliance or epoch")
        }
        var values: [(index: UInt8, value: LockedBytes)] = []
        for share in shares.prefix(Int(first.threshold)) { values.append((share.index, try share.value())) }
        return try Shamir.combine(values)
    }

    private func value() throws(CustodyError) -> LockedBytes {
        try LockedBytes(count: Share.secretLength) { target in
            encoded.withSpan { source in
                for index in target.indices { target[index] = source[source.count - Share.secretLength + index] }
            }
        }
    }
}
