import Crypto

/// A hash of the Merkle tree, held without an allocation.
///
/// Source: RFC 6962 section 2.1.
struct MerkleHash: Hashable, Sendable {
    static let byteCount = 32
    private static let leafPrefix: [UInt8] = [0x00]
    private static let nodePrefix: [UInt8] = [0x01]

    private let words: SIMD4<UInt64>

    /// The root of the empty tree.
    static let empty = MerkleHash(SHA256().finalize())

    /// The hash of one entry: SHA-256(0x00 || entry).
    static func leaf(_ entry: ArraySlice<UInt8>) -> MerkleHash {
        var hasher = SHA256()
        hasher.update(data: leafPrefix)
        // Safety: the pointer is used for hashing alone, within the closure.
        unsafe entry.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
        return MerkleHash(hasher.finalize())
    }

    /// The hash of two subtrees: SHA-256(0x01 || left || right).
    static func node(_ left: MerkleHash, _ right: MerkleHash) -> MerkleHash {
        var hasher = SHA256()
        hasher.update(data: nodePrefix)
        // Safety: the pointers cover the 32 bytes of a local value each, used within the closures alone.
        unsafe withUnsafeBytes(of: left.words) { unsafe hasher.update(bufferPointer: $0) }
        unsafe withUnsafeBytes(of: right.words) { unsafe hasher.update(bufferPointer: $0) }
        return MerkleHash(hasher.finalize())
    }

    /// The root of a perfect subtree; the number of `hashes` is a power of two.
    static func root(perfect hashes: ArraySlice<MerkleHash>) -> MerkleHash {
        var row = Array(hashes)
        while row.count > 1 {
            for index in 0..<row.count / 2 { row[index] = node(row[2 * index], row[2 * index + 1]) }
            row.removeSubrange((row.count / 2)...)
        }
        return row[0]
    }

    private init(_ digest: SHA256.Digest) {
        // Safety: a SHA-256 digest has 32 bytes, the size of the value that is copied out of it.
        words = unsafe digest.withUnsafeBytes { unsafe $0.loadUnaligned(as: SIMD4<UInt64>.self) }
    }

    /// Reads 32 bytes.
    init(bytes: ArraySlice<UInt8>) {
        precondition(bytes.count == MerkleHash.byteCount, "a hash has 32 bytes")
        // Safety: the precondition gives the size of the value that is copied.
        words = unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: SIMD4<UInt64>.self) }
    }

    /// The 32 bytes.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    /// Appends the 32 bytes.
    func append(to bytes: inout [UInt8]) {
        // Safety: the pointer covers this value's own 32 bytes, copied within the closure.
        unsafe withUnsafeBytes(of: words) { unsafe bytes.append(contentsOf: $0) }
    }
}

extension [MerkleHash] {
    /// The hashes one after the other, as a tile holds them.
    var tileBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * MerkleHash.byteCount)
        for hash in self { hash.append(to: &bytes) }
        return bytes
    }

    /// Reads a tile of a whole number of hashes; nil otherwise.
    init?(tileBytes bytes: [UInt8]) {
        guard bytes.count % MerkleHash.byteCount == 0 else { return nil }
        self = stride(from: 0, to: bytes.count, by: MerkleHash.byteCount).map {
            MerkleHash(bytes: bytes[$0..<$0 + MerkleHash.byteCount])
        }
    }
}
