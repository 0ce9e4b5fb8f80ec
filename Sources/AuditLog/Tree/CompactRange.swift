/// The roots of the perfect subtrees that make up a tree, largest first.
///
/// They are enough to add leaves and know the root. Source: RFC 6962 section 2.1.
struct CompactRange: Sendable {
    private(set) var size: UInt64 = 0
    private var peaks: [MerkleHash] = []

    /// The empty tree.
    init() {}

    /// A tree of a known size, from its peaks; whether they are the right ones is for the root to show.
    init(size: UInt64, peaks: [MerkleHash]) {
        precondition(peaks.count == size.nonzeroBitCount, "a tree has a peak for each bit of its size")
        (self.size, self.peaks) = (size, peaks)
    }

    /// Adds one leaf.
    mutating func append(_ leaf: MerkleHash) {
        var hash = leaf
        var remaining = size
        // Each trailing one bit of the old size is a perfect subtree that now has its right sibling.
        while remaining & 1 == 1 {
            hash = .node(peaks.removeLast(), hash)
            remaining >>= 1
        }
        peaks.append(hash)
        size += 1
    }

    /// The Merkle tree hash.
    var root: MerkleHash {
        guard var root = peaks.last else { return .empty }
        for peak in peaks.dropLast().reversed() { root = .node(peak, root) }
        return root
    }
}
