import StrictEncoding
import Testing

@testable import AuditLog

@Suite(.timeLimit(.minutes(10))) struct ProofTests {
    @Test func everyInclusionProofOfSmallTreesHoldsAndNoOtherLeafHasIt() async throws {
        let fixture = try TestLog()
        try await fixture.write(270)
        let leaves = try Self.leaves(fixture)
        let reader = TileReader(LogLayout(fixture.directory), size: 270)
        for size in [UInt64(1), 2, 3, 7, 8, 255, 256, 257, 270] {
            let root = Self.root(leaves.prefix(Int(size)))
            #expect(try reader.root(of: size) == root)
            for index in 0..<size {
                let proof = try reader.inclusionProof(of: index, count: size)
                #expect(MerkleProof.root(leaf: leaves[Int(index)], index: index, size: size, proof: proof) == root)
                let other = leaves[Int(index + 1) % 270]
                #expect(MerkleProof.root(leaf: other, index: index, size: size, proof: proof) != root)
                #expect(
                    MerkleProof.root(leaf: leaves[Int(index)], index: index, size: size, proof: proof + [root]) == nil)
            }
        }
    }

    @Test func everyConsistencyProofOfSmallTreesHoldsAndAForgedOneDoesNot() async throws {
        let fixture = try TestLog()
        try await fixture.write(270)
        let leaves = try Self.leaves(fixture)
        let reader = TileReader(LogLayout(fixture.directory), size: 270)
        let sizes = (1...20).map(UInt64.init) + [128, 255, 256, 257, 260, 270]
        for size in sizes {
            let root = Self.root(leaves.prefix(Int(size)))
            for old in sizes where old <= size {
                let before = Self.root(leaves.prefix(Int(old)))
                var proof = try reader.consistencyProof(from: old, to: size)
                func holds(_ oldRoot: MerkleHash, _ newRoot: MerkleHash) -> Bool {
                    MerkleProof.isConsistent(
                        oldSize: old, oldRoot: oldRoot, size: size, root: newRoot, proof: proof)
                }
                #expect(holds(before, root))
                #expect(!holds(.leaf([0]), root) && !holds(before, .leaf([0])))
                proof.append(root)
                #expect(!holds(before, root))
            }
        }
    }

    private static func leaves(_ fixture: TestLog) throws -> [MerkleHash] {
        var leaves: [MerkleHash] = []
        try LogReader(directory: fixture.directory).forEach(in: 0..<UInt64.max) {
            (_, bytes) throws(AuditLogError) in leaves.append(.leaf(bytes[...]))
        }
        return leaves
    }

    private static func root(_ leaves: ArraySlice<MerkleHash>) -> MerkleHash {
        var range = CompactRange()
        for leaf in leaves { range.append(leaf) }
        return range.root
    }
}
