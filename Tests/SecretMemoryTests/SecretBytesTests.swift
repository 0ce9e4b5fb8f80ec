import Foundation
import SecretMemory
import Testing

@Suite struct SecretBytesTests {
    private static let canary = "correct horse battery staple"

    @Test func aSecretNeverShowsItselfHoweverItIsPrinted() throws {
        let secret = try SecretBytes(copying: Array(Self.canary.utf8))
        var dumped = ""
        dump(secret, to: &dumped)
        let structure = (name: "x", secret: secret)
        for text in ["\(secret)", String(describing: secret), String(reflecting: secret), dumped, "\(structure)"] {
            #expect(text.contains("<redacted>") || !text.contains("horse"))
            #expect(!text.contains("horse") && !text.contains("99, 111, 114"))
        }
        #expect("\(secret)" == "<redacted>")
    }

    @Test func whatWasCopiedIsLent() throws {
        let secret = try SecretBytes(copying: Array(Self.canary.utf8))
        #expect(secret.count == Self.canary.utf8.count)
        #expect(unsafe secret.withBytes { unsafe Array($0) } == Array(Self.canary.utf8))
        #expect(try SecretBytes(copying: []).isEmpty)
    }

    @Test func comparisonLooksAtLengthAndEveryByte() throws {
        let bytes = (0..<100).map { UInt8($0) }
        let secret = try SecretBytes(copying: bytes)
        #expect(secret.hasSameBytes(as: try SecretBytes(copying: bytes)))
        #expect(!secret.hasSameBytes(as: try SecretBytes(copying: bytes.dropLast())))
        for index in bytes.indices {
            var other = bytes
            other[index] ^= 0x80
            #expect(!secret.hasSameBytes(as: try SecretBytes(copying: other)))
        }
    }

    @Test func theMemoryIsLockedAndLeftOutOfCoreDumps() throws {
        let secret = try SecretBytes(copying: Array(Self.canary.utf8))
        let address = unsafe secret.withBytes { UInt(bitPattern: $0.baseAddress) }
        // Read to its end: a file of the kernel's says that it is empty.
        let file = try #require(FileHandle(forReadingAtPath: "/proc/self/smaps"))
        let text = withExtendedLifetime(secret) { String(decoding: file.readDataToEndOfFile(), as: UTF8.self) }
        let maps = text.split(separator: "\n")
        var flags: Substring?
        var isInside = false
        for line in maps {
            let range = line.prefix { $0 != " " }.split(separator: "-").map { UInt($0, radix: 16) }
            if range.count == 2, let start = range[0], let end = range[1] { isInside = (start..<end).contains(address) }
            if isInside, line.hasPrefix("VmFlags:") { flags = line }
        }
        let names = try #require(flags).split(separator: " ")
        #expect(names.contains("lo") && names.contains("dd") && names.contains("wf"))
    }

    @Test func aFillThatFailsLeavesNothing() {
        #expect(throws: CancellationError.self) {
            _ = try unsafe SecretBytes(capacity: 16) { _ in throw CancellationError() }
        }
    }

    @Test func wipingLeavesAnEmptyArray() {
        var bytes = Array(Self.canary.utf8)
        SecretBytes.wipe(&bytes)
        #expect(bytes.isEmpty)
    }
}
