/// Reads the data types of the SSH protocol strictly and within bounds (RFC 4251 section 5).
struct SSHReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func bytes(_ count: Int) throws(CustodyError) -> [UInt8] {
        guard count <= rest.count else { throw CustodyError(.malformed, "SSH data ends too early") }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func byte() throws(CustodyError) -> UInt8 { try bytes(1)[0] }

    mutating func uint32() throws(CustodyError) -> UInt32 {
        try bytes(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    mutating func string() throws(CustodyError) -> [UInt8] {
        let count = try uint32()
        guard count <= UInt32(rest.count) else { throw CustodyError(.malformed, "SSH data ends too early") }
        return try bytes(Int(count))
    }

    mutating func text() throws(CustodyError) -> String {
        let bytes = try string()
        guard bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw CustodyError(.malformed, "SSH data holds a name that is not ASCII")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A positive integer as big-endian bytes without leading zeros; negative and padded ones are refused.
    mutating func positiveInteger() throws(CustodyError) -> [UInt8] {
        let bytes = try string()
        guard let first = bytes.first, first < 0x80, !(first == 0 && (bytes.count == 1 || bytes[1] < 0x80)) else {
            throw CustodyError(.malformed, "SSH data holds an integer that is not a positive one in its shortest form")
        }
        return first == 0 ? Array(bytes.dropFirst()) : bytes
    }

    func finish() throws(CustodyError) {
        guard isAtEnd else { throw CustodyError(.malformed, "SSH data goes on after its end") }
    }
}

/// Writes the data types of the SSH protocol.
struct SSHWriter {
    private(set) var bytes: [UInt8] = []

    mutating func append(raw: some Sequence<UInt8>) { bytes.append(contentsOf: raw) }

    mutating func append(uint32: UInt32) {
        bytes.append(contentsOf: [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: uint32 >> $0) })
    }

    mutating func append(string: some Collection<UInt8>) {
        append(uint32: UInt32(string.count))
        bytes.append(contentsOf: string)
    }
}
