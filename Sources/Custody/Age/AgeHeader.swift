import Crypto
import StrictEncoding

/// The header of an age file: who can open it (C2SP age, "Header").
struct AgeHeader {
    /// A file key wrapped for one recipient.
    struct Stanza {
        let arguments: [[UInt8]]
        let body: [UInt8]
    }

    static let version = Array("age-encryption.org/v1".utf8)
    /// Bytes of the header and recipients in it, at most.
    static let maximumBytes = 32_768
    static let maximumStanzas = 32
    private static let columns = 64

    let stanzas: [Stanza]
    /// The bytes the MAC covers: up to and with `---`.
    let covered: [UInt8]
    let mac: [UInt8]
    /// How many bytes of the file the header takes.
    let length: Int

    /// Reads the header at the beginning of a file.
    init(parsing file: [UInt8]) throws(CustodyError) {
        var lines = AgeLines(file)
        guard try lines.next() == AgeHeader.version[...] else { throw AgeHeader.malformed("is no age file") }
        var stanzas: [Stanza] = []
        while true {
            let start = lines.position
            let line = try lines.next()
            if line.starts(with: "--- ".utf8) {
                guard let mac = StandardBase64.decodeUnpadded(Array(line.dropFirst(4))), mac.count == 32,
                    !stanzas.isEmpty
                else { throw AgeHeader.malformed("has a bad last line") }
                (self.stanzas, self.mac) = (stanzas, mac)
                covered = Array(file[..<(start + 3)])
                length = lines.position
                return
            }
            guard stanzas.count < AgeHeader.maximumStanzas else { throw AgeHeader.malformed("has too many recipients") }
            stanzas.append(try AgeHeader.stanza(line, &lines))
        }
    }

    private static func stanza(_ line: ArraySlice<UInt8>, _ lines: inout AgeLines) throws(CustodyError) -> Stanza {
        guard line.starts(with: "-> ".utf8) else { throw malformed("has a line that is no recipient") }
        let arguments = line.dropFirst(3).split(separator: 0x20, omittingEmptySubsequences: false).map { Array($0) }
        guard arguments.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (0x21...0x7E).contains($0) } }) else {
            throw malformed("has a recipient with bad arguments")
        }
        var digits: [UInt8] = []
        while true {
            let line = try lines.next()
            guard line.count <= columns else { throw malformed("has a line that is too long") }
            digits += line
            if line.count < columns { break }
        }
        guard let body = StandardBase64.decodeUnpadded(digits) else { throw malformed("has bad base 64") }
        return Stanza(arguments: arguments, body: body)
    }

    /// The bytes the MAC covers, for the given recipients.
    static func covered(_ stanzas: [Stanza]) -> [UInt8] {
        var bytes = version + [0x0A]
        for stanza in stanzas {
            bytes += Array("-> ".utf8) + stanza.arguments.joined(separator: [0x20]) + [0x0A]
            let digits = Array(StandardBase64.string(stanza.body, isPadded: false).utf8)
            // The last line is shorter than the others, and empty if need be.
            for start in stride(from: 0, through: digits.count, by: columns) {
                bytes += digits[start..<min(start + columns, digits.count)] + [0x0A]
            }
        }
        return bytes + Array("---".utf8)
    }

    /// HMAC-SHA-256 under a key that the file key gives.
    static func mac(_ covered: [UInt8], fileKey: SymmetricKey) -> [UInt8] {
        let key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: fileKey, salt: [UInt8](), info: Array("header".utf8), outputByteCount: 32)
        return Array(HMAC<SHA256>.authenticationCode(for: covered, using: key))
    }

    func hasValidMAC(fileKey: SymmetricKey) -> Bool {
        let key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: fileKey, salt: [UInt8](), info: Array("header".utf8), outputByteCount: 32)
        return HMAC<SHA256>.isValidAuthenticationCode(mac, authenticating: covered, using: key)
    }

    static func malformed(_ what: String) -> CustodyError { CustodyError(.malformed, "age file: \(what)") }
}

/// The lines of a header, each ended by a line feed.
struct AgeLines {
    private let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func next() throws(CustodyError) -> ArraySlice<UInt8> {
        let window = bytes[position..<min(bytes.count, AgeHeader.maximumBytes)]
        guard let end = window.firstIndex(of: 0x0A) else { throw AgeHeader.malformed("ends within its header") }
        defer { position = end + 1 }
        return window[..<end]
    }
}
