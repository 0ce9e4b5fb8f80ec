import Testing

@testable import AuditLog

/// Vectors: the reference leaves of the Certificate Transparency project (merkletree tests), roots recomputed with
/// Python's hashlib from RFC 6962 section 2.1.
@Suite struct MerkleTests {
    static let leaves: [[UInt8]] = [
        [], [0x00], [0x10], [0x20, 0x21], [0x30, 0x31], [0x40, 0x41, 0x42, 0x43], Array(0x50...0x57),
        Array(0x60...0x6F),
    ]

    static let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]

    static let numbered: [(Int, String)] = [
        (255, "32f85bcaa87d7bcd05728f09e9aeba350ba6a2f733830087f0597682848be5cb"),
        (256, "828515d033c19d8c901f37eccb8aed919667703486f8d2fff1cf7040321c5db1"),
        (257, "1eda049a4351d86f76252bd7ec0b7746ad75b7fa0316ad5f541dbda458a312c4"),
        (600, "3e7332551f050738a741dfe1c55508fd9525510fbcab30ca679f35fbe9f6cc26"),
        (70000, "1a4cdfcb66374a0c0dcbef49acbd4976d13ee864fb3cb241fc943cad04f02f7e"),
    ]

    @Test(arguments: 0...8) func theRootsAreThoseOfTheReference(count: Int) throws {
        var range = CompactRange()
        var tree = TileTree()
        for leaf in Self.leaves.prefix(count) {
            range.append(.leaf(leaf[...]))
            try tree.append(.leaf(leaf[...])) { _ in }
        }
        #expect(hex(range.root.bytes) == Self.roots[count])
        #expect(hex(tree.root.bytes) == Self.roots[count])
    }

    @Test(arguments: numbered) func largeTreesHaveTheRootsOfTheOracle(count: Int, root: String) async throws {
        var range = CompactRange()
        var tree = TileTree()
        for number in 0..<count {
            if number % 1000 == 0 { await Task.yield() }
            let hash = MerkleHash.leaf(Array(String(number).utf8)[...])
            range.append(hash)
            try tree.append(hash) { _ in }
        }
        #expect(hex(range.root.bytes) == root)
        #expect(hex(tree.root.bytes) == root)
    }

    /// C2SP tlog-tiles, "Partial Tiles": 70,000 leaves are 273 full and a partial tile of width 112, one full level 1
    /// tile and a partial one of width 17, and a partial one of width 1 at level 2.
    @Test func seventyThousandLeavesMakeTheTilesOfTheStandard() throws {
        var tree = TileTree()
        var full: [TilePath] = []
        for number in 0..<70_000 {
            try tree.append(.leaf([UInt8(truncatingIfNeeded: number)])) { full.append($0.path) }
        }
        #expect(full.filter { $0.kind == .hashes(level: 0) }.map(\.index) == Array(0..<273))
        #expect(full.filter { $0.kind == .hashes(level: 1) }.map(\.index) == [0])
        #expect(full.count == 274)
        #expect(
            tree.partialTiles.map(\.path.description) == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"])
    }

    @Test func twoHundredFiftySixLeavesMakeAFullTileAndOneHashAbove() throws {
        var tree = TileTree()
        var full: [String] = []
        for number in 0..<256 { try tree.append(.leaf([UInt8(number)])) { full.append($0.path.description) } }
        #expect(full == ["tile/0/000"])
        #expect(tree.partialTiles.map(\.path.description) == ["tile/1/000.p/1"])
    }

    @Test(arguments: [1, 255, 256, 257, 600, 65_536, 65_537]) func aTreeComesBackFromItsRightEdge(size: Int) throws {
        var tree = TileTree()
        for number in 0..<size { try tree.append(.leaf(Array(String(number).utf8)[...])) { _ in } }
        let tiles = Dictionary(uniqueKeysWithValues: tree.partialTiles.map { ($0.path, $0.hashes) })
        let again = try TileTree(size: UInt64(size)) { path throws(AuditLogError) in
            guard let hashes = tiles[path] else { throw AuditLogError(.missingFile, "", path: path.description) }
            return hashes
        }
        #expect(again.root == tree.root)
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
