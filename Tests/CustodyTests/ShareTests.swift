import Custody
import Testing

@Suite struct ShareTests {
    private static let appliance = "00112233445566778899aabbccddeeff"

    @Test(arguments: [(2, 2), (2, 3), (3, 5), (5, 8), (16, 16)])
    func anyThresholdOfThemMakesTheSecretWhole(threshold: Int, count: Int) throws {
        let secret = try LockedBytes.random(count: Share.secretLength)
        let shares = try Share.make(
            of: secret, appliance: ShareTests.appliance, epoch: 7, threshold: threshold, count: count)
        for _ in 0..<20 {
            let some = Array(shares.shuffled().prefix(threshold))
            #expect(try Share.combine(some).hasSameBytes(as: secret))
            #expect(throws: CustodyError(.tooFew, "")) { try Share.combine(Array(some.dropLast())) }
        }
    }

    @Test func fewerThanTheThresholdSayNothingEvenWhenForced() throws {
        let secret = try LockedBytes.random(count: Share.secretLength)
        let values = try Shamir.split(secret, threshold: 3, count: 3)
        let forced = try Shamir.combine([(1, values[0]), (2, values[1])])
        #expect(!forced.hasSameBytes(as: secret))
    }

    @Test func theSameShareTwiceIsRefused() throws {
        let secret = try LockedBytes.random(count: Share.secretLength)
        let shares = try Share.make(of: secret, appliance: ShareTests.appliance, epoch: 1, threshold: 2, count: 3)
        #expect(throws: CustodyError(.repeated, "")) { try Share.combine([shares[0], shares[0]]) }
    }

    @Test func sharesOfAnotherEpochOrApplianceAreRefused() throws {
        let secret = try LockedBytes.random(count: Share.secretLength)
        let shares = try Share.make(of: secret, appliance: ShareTests.appliance, epoch: 1, threshold: 2, count: 3)
        let other = try Share.make(of: secret, appliance: ShareTests.appliance, epoch: 2, threshold: 2, count: 3)
        let foreign = try Share.make(
            of: secret, appliance: "ffffffffffffffffffffffffffffffff", epoch: 1, threshold: 2, count: 3)
        for wrong in [other[1], foreign[1]] {
            #expect(throws: CustodyError(.foreign, "")) { try Share.combine([shares[0], wrong]) }
        }
    }

    @Test func oneChangedBitChangesTheCommitment() throws {
        let secret = try LockedBytes.random(count: Share.secretLength)
        let share = try Share.make(of: secret, appliance: ShareTests.appliance, epoch: 1, threshold: 2, count: 3)[0]
        #expect(try Share(decoding: share.encoded).commitment == share.commitment)
        for index in 0..<share.encoded.count {
            var bytes = share.encoded.exposed
            bytes[index] ^= 1
            let changed = try? Share(decoding: LockedBytes(copying: bytes))
            #expect(changed?.commitment != share.commitment, "byte \(index)")
        }
    }

    @Test(arguments: [(1, 3), (0, 0), (4, 3), (2, 17)])
    func otherNumbersThanTwoToSixteenAreRefused(threshold: Int, count: Int) throws {
        let secret = try LockedBytes.random(count: Share.secretLength)
        #expect(throws: CustodyError.self) { try Shamir.split(secret, threshold: threshold, count: count) }
    }

    @Test func aShareThatIsPrintedSaysNothing() throws {
        let share = try Share.make(
            of: try LockedBytes.random(count: Share.secretLength), appliance: ShareTests.appliance, epoch: 1,
            threshold: 2, count: 2)[0]
        #expect("\(share)".contains("<redacted>") && !"\(share)".contains("[0x"))
        #expect(String(reflecting: share.encoded) == "<redacted>")
    }
}
