import StrictEncoding

extension LogCopy {
    /// Why a checkpoint does not continue one that is held; empty when it does, nil when the source has not the tiles to
    /// show it.
    ///
    /// The tiles come from the source and are believed as far as the proof made of them holds (RFC 9162 section 2.1.4.2).
    func contradiction(_ shard: UInt64, _ held: Checkpoint, _ offered: Checkpoint) async throws -> String? {
        guard held.size <= offered.size else {
            return "it has \(offered.size) entries, but the copy has \(held.size)"
        }
        guard let proof = try await consistencyProof(shard, from: held.size, to: offered.size) else { return nil }
        let isStart = MerkleProof.isConsistent(
            oldSize: held.size, oldRoot: MerkleHash(bytes: held.root[...]), size: offered.size,
            root: MerkleHash(bytes: offered.root[...]), proof: proof)
        return isStart ? "" : "its \(offered.size) entries do not begin with the copy's \(held.size)"
    }

    /// The proof, out of tiles that are fetched as it turns out that they are needed: a few for each level.
    private func consistencyProof(
        _ shard: UInt64, from old: UInt64, to size: UInt64
    ) async throws -> [MerkleHash]? {
        var tiles: [TilePath: [MerkleHash]] = [:]
        while true {
            switch try Self.consistencyProof(tiles, from: old, to: size) {
            case .success(let proof): return proof
            case .failure(let needed):
                guard let hashes = try await hashes(needed.tile, shard) else { return nil }
                tiles[needed.tile] = hashes
            }
        }
    }

    private struct Needed: Error {
        let tile: TilePath
    }

    private static func consistencyProof(
        _ tiles: [TilePath: [MerkleHash]], from old: UInt64, to size: UInt64
    ) throws(AuditLogError) -> Result<[MerkleHash], Needed> {
        var needed: Needed?
        let reader = TileReader(size: size) { (tile) throws(AuditLogError) in
            guard let hashes = tiles[tile] else {
                needed = Needed(tile: tile)
                throw AuditLogError(.missingFile, "is not fetched yet")
            }
            return hashes
        }
        do {
            return .success(try reader.consistencyProof(from: old, to: size))
        } catch {
            guard let needed else { throw error }
            return .failure(needed)
        }
    }

    /// The hashes of a tile, or of the start of the full one: a partial one may be gone once that exists.
    private func hashes(_ tile: TilePath, _ shard: UInt64) async throws -> [MerkleHash]? {
        for candidate in [tile, tile.full] {
            guard let bytes = try await source(candidate.description, shard) else { continue }
            guard let hashes = [MerkleHash](tileBytes: bytes), hashes.count == candidate.count else {
                throw AuditLogError(.badTile, "\(candidate) of the source has not \(candidate.count) hashes")
            }
            return Array(hashes.prefix(tile.count))
        }
        return nil
    }
}

extension LogSeries {
    /// The log's name, out of the name of one of its shards.
    static func log(of origin: String, shard: UInt64) throws(AuditLogError) -> String {
        let suffix = "/\(shard)"
        let name = shard > 1 && origin.hasSuffix(suffix) ? String(origin.dropLast(suffix.count)) : origin
        guard origin.hasSameBytes(as: self.origin(name, shard)) else {
            throw AuditLogError(.wrongOrigin, "the source's shard \(shard) is named \(origin)")
        }
        return name
    }

    /// The number of the shard of a log that has a name; nil when it is of another log.
    static func number(of origin: String, log: String) -> UInt64? {
        if origin.hasSameBytes(as: log) { return 1 }
        guard origin.hasPrefix(log + "/"), let number = UInt64(origin.dropFirst(log.count + 1)), number > 1,
            origin.hasSameBytes(as: self.origin(log, number))
        else { return nil }
        return number
    }
}
