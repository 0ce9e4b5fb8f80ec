import StrictEncoding

/// Names for requests: 128 random bits in hex.
package enum RequestID {
    /// A fresh name from the system's generator.
    package static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return make(generator.next(), generator.next())
    }

    /// The name that two numbers make.
    static func make(_ high: UInt64, _ low: UInt64) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16)
        for word in [high, low] {
            for shift: UInt64 in [56, 48, 40, 32, 24, 16, 8, 0] {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return Hexadecimal.string(bytes)
    }
}
