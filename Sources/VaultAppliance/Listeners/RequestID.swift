/// Names for requests: 128 random bits in hex.
package enum RequestID {
    /// A fresh name from the system's generator.
    package static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return make(generator.next(), generator.next())
    }

    /// The name that two numbers make.
    static func make(_ high: UInt64, _ low: UInt64) -> String {
        Hex.string([high, low].flatMap { word in stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) } })
    }
}
