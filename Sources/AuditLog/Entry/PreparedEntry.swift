/// An entry's bytes, complete but for the time of its leaf.
struct PreparedEntry: Sendable {
    /// As long as every time is, until the year 10000.
    static let placeholder = "0000-00-00T00:00:00.000Z"

    private(set) var bytes: [UInt8]
    let timeOffset: Int

    init(bytes: [UInt8], timeOffset: Int) {
        self.bytes = bytes
        self.timeOffset = timeOffset
    }

    /// Fills in the time; `text` has the placeholder's length.
    mutating func stamp(_ text: [UInt8]) {
        for (offset, byte) in text.enumerated() { bytes[timeOffset + offset] = byte }
    }
}
