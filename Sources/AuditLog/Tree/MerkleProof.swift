/// Checks of proofs, by those who do not have the tree.
enum MerkleProof {
    /// The root that an inclusion proof leads to; nil when it has not the length it must have.
    ///
    /// Source: RFC 9162 section 2.1.3.2.
    static func root(
        leaf: MerkleHash, index: UInt64, size: UInt64, proof: [MerkleHash]
    ) -> MerkleHash? {
        guard index < size else { return nil }
        var (node, last, hash) = (index, size - 1, leaf)
        for step in proof {
            guard last > 0 else { return nil }
            if node & 1 == 1 || node == last {
                hash = .node(step, hash)
                while node & 1 == 0, node != 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                hash = .node(hash, step)
            }
            node >>= 1
            last >>= 1
        }
        return last == 0 ? hash : nil
    }

    /// Whether a tree of `oldSize` entries and `oldRoot` is the start of one of `size` and `root`.
    ///
    /// Source: RFC 9162 section 2.1.4.2.
    static func isConsistent(
        oldSize: UInt64, oldRoot: MerkleHash, size: UInt64, root: MerkleHash, proof: [MerkleHash]
    ) -> Bool {
        guard oldSize <= size else { return false }
        if oldSize == size { return proof.isEmpty && oldRoot == root }
        if oldSize == 0 { return proof.isEmpty && oldRoot == .empty }
        var steps = proof[...]
        if oldSize & (oldSize - 1) == 0 { steps = [oldRoot] + steps }
        guard let first = steps.popFirst() else { return false }
        var (node, last) = (oldSize - 1, size - 1)
        while node & 1 == 1 {
            node >>= 1
            last >>= 1
        }
        var (old, new) = (first, first)
        for step in steps {
            guard last > 0 else { return false }
            if node & 1 == 1 || node == last {
                old = .node(step, old)
                new = .node(step, new)
                while node & 1 == 0, node != 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                new = .node(new, step)
            }
            node >>= 1
            last >>= 1
        }
        return old == oldRoot && new == root && last == 0
    }
}
