/// An entry with its leaf hash, on its way through journal and tiles.
struct CommittedLeaf: Sendable {
    /// The canonical bytes, with their time.
    let entry: [UInt8]
    let hash: MerkleHash

    /// Hashes an entry.
    init(entry: [UInt8]) {
        self.entry = entry
        hash = .leaf(entry[...])
    }
}
