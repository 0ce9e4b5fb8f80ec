/// Arithmetic of GF(2^8) with the polynomial x^8 + x^4 + x^3 + x + 1 (FIPS 197 section 4.2).
///
/// No table and no branch depends on an operand: time and cache say nothing of a secret.
enum GF256 {
    static func multiply(_ left: UInt8, _ right: UInt8) -> UInt8 {
        var product: UInt8 = 0
        var factor = left
        for bit in 0..<8 as Range<UInt8> {
            product ^= factor & (0 &- (right &>> bit & 1))
            factor = factor &<< 1 ^ 0x1B & (0 &- (factor &>> 7))
        }
        return product
    }

    /// a^254, which is the inverse of every element but 0; 0 for 0.
    static func inverse(_ element: UInt8) -> UInt8 {
        var result: UInt8 = 1
        var power = element
        for _ in 0..<7 {
            power = multiply(power, power)
            result = multiply(result, power)
        }
        return result
    }
}
