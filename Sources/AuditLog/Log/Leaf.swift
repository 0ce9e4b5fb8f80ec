package import StrictEncoding

/// Where an entry stands in the log, once it is durable.
package struct Leaf: Sendable, Equatable {
    /// Counts from 0 without gaps.
    package let index: UInt64
    /// The time in the entry.
    package let time: UnixTime
    private let merkleHash: MerkleHash

    init(index: UInt64, time: UnixTime, hash: MerkleHash) {
        self.index = index
        self.time = time
        merkleHash = hash
    }

    /// The leaf hash, 32 bytes: SHA-256(0x00 || entry), as in RFC 6962 section 2.1.
    package var hash: [UInt8] { merkleHash.bytes }
}
