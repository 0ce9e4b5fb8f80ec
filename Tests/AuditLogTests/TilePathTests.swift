import Testing

@testable import AuditLog

@Suite struct TilePathTests {
    /// C2SP tlog-tiles, "Merkle Tree": index 1234067 is x001/x234/067.
    @Test(arguments: [
        (TilePath(.hashes(level: 0), index: 1_234_067), "tile/0/x001/x234/067"),
        (TilePath(.hashes(level: 0), index: 0), "tile/0/000"),
        (TilePath(.hashes(level: 63), index: 999, partialWidth: 255), "tile/63/999.p/255"),
        (TilePath(.hashes(level: 1), index: 1000, partialWidth: 1), "tile/1/x001/000.p/1"),
        (TilePath(.entries, index: 273, partialWidth: 112), "tile/entries/273.p/112"),
        (TilePath(.entries, index: 1_234_067), "tile/entries/x001/x234/067"),
    ])
    func aPlaceHasOnePath(place: TilePath, path: String) {
        #expect(place.description == path)
        #expect(TilePath(parsing: path) == place)
    }

    @Test(arguments: [
        "tile/0", "tile/64/000", "tile/00/000", "tile/-1/000", "tile/0/0", "tile/0/0000", "tile/0/x000/001",
        "tile/0/x001",
        "tile/0/001/002", "tile/0/000.p", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/+1",
        "tile/entries", "tile/entries/xx00", "tile/0/xx01/000", "tile/data/000", "tile/0/000/", "/tile/0/000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999", "tile/0/18446744073709551615",
    ])
    func otherPathsAreRefused(path: String) {
        #expect(TilePath(parsing: path) == nil)
    }
}
