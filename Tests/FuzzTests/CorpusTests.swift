import Foundation
import Testing

/// What scripts/fuzz begins with: the parsers take it, and keep their promises.
@Suite struct CorpusTests {
    @Test(arguments: FuzzParser.allCases)
    func everySeedKeepsThePromisesOfItsParser(_ parser: FuzzParser) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus/\(parser.rawValue)")
        let seeds = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(!seeds.isEmpty)
        let accepted = try seeds.filter { try parser.parse([UInt8](Data(contentsOf: $0))) }
        // Nobody can sign a seed's proof anew; every other parser must get past its first lines.
        #expect(parser == .proof || !accepted.isEmpty)
    }
}
