import StrictEncoding
import Testing

@Suite struct JSONParserTests {
    @Test func integersAreIntegersInEitherSpelling() throws {
        #expect(try JSONParser.parse(Array("1.0".utf8)) == .integer(1))
    }
}
