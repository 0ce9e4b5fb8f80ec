package import AuditLog
import Crypto
package import StrictEncoding

/// What a quorum of custodians signs so that the core goes on with an older copy of its log, although entries are lost.
///
/// Its bytes are canonical JSON and a line feed; stock `ssh-keygen -Y sign -n restoration@vault-appliance` signs them. It is
/// good for this loss and this copy alone, and not for long: it must not excuse the next rollback.
package struct RestorationOrder: Sendable, Equatable {
    /// The only format there is.
    package static let format = "vault-log-restoration/1"
    /// The longest that is read, in bytes.
    package static let maximumBytes = 16_384
    /// How far ahead an order may end, in seconds: a week.
    package static let longestLifetime: Int64 = 7 * 86_400

    package var appliance: String
    /// The last checkpoint that is known of the log; nil when the record of it is lost too.
    package var lost: Checkpoint?
    /// The checkpoint of the copy that is there; of size 0 when there is none.
    package var found: Checkpoint
    /// Why there is no newer copy, in one line.
    package var reason: String
    package var expires: UnixTime
    /// Drawn anew for each order, 32 hexadecimal digits.
    package var nonce: String

    /// An order.
    package init(
        appliance: String, lost: Checkpoint?, found: Checkpoint, reason: String, expires: UnixTime, nonce: String
    ) {
        self.appliance = appliance
        self.lost = lost
        self.found = found
        self.reason = reason
        self.expires = expires
        self.nonce = nonce
    }

    /// SHA-256 of the file, in hexadecimal.
    package var hash: String { Hexadecimal.string(SHA256.hash(data: bytes)) }

    /// The file's bytes.
    package var bytes: [UInt8] {
        JSONWriter.canonical([
            "format": .string(RestorationOrder.format), "appliance": .string(appliance),
            "lost": lost.map { RestorationOrder.json($0) } ?? .null, "found": RestorationOrder.json(found),
            "reason": .string(reason), "expires": .string(expires.rfc3339), "nonce": .string(nonce),
        ]) + [0x0A]
    }

    private static func json(_ tree: Checkpoint) -> JSONValue {
        [
            "origin": .string(tree.origin), "size": .integer(Int64(clamping: tree.size)),
            "root": .string(StandardBase64.string(tree.root)),
        ]
    }

    /// Reads the file; anything but the bytes that `bytes` would write is refused.
    package init(file: [UInt8]) throws(CustodyError) {
        do {
            guard file.count <= RestorationOrder.maximumBytes else {
                throw SchemaFault(path: "", problem: "is too long")
            }
            var reader = try ObjectReader(try JSONParser.parse(file))
            guard try reader.string("format") == RestorationOrder.format else {
                throw reader.fault("format", "must be \(RestorationOrder.format)")
            }
            appliance = try reader.string("appliance")
            lost = try reader.optional("lost").map { try RestorationOrder.tree($0, "lost") }
            found = try RestorationOrder.tree(try reader.required("found"), "found")
            reason = try reader.string("reason")
            guard PlanReader.isLine(reason) else {
                throw reader.fault("reason", "must be one line of at most 500 bytes")
            }
            guard let expires = UnixTime(rfc3339: try reader.string("expires")) else {
                throw reader.fault("expires", "must be a time")
            }
            self.expires = expires
            nonce = try reader.string("nonce")
            guard Hexadecimal.decode(nonce)?.count == 16 else { throw reader.fault("nonce", "must be 32 digits") }
            try reader.finish()
        } catch let error as JSONParser.Failure {
            throw CustodyError(.malformed, "the restoration order is no JSON (\(error.reason.rawValue)): another file?")
        } catch {
            throw CustodyError(.malformed, "the restoration order is not one: \(error)")
        }
        guard bytes == file else {
            throw CustodyError(.malformed, "the restoration order is not in canonical form")
        }
    }

    private static func tree(_ json: JSONValue, _ name: String) throws -> Checkpoint {
        var reader = try ObjectReader(json)
        let origin = try reader.string("origin")
        let size = try reader.integer("size", in: 0...JSONValue.safeIntegers.upperBound)
        guard let root = StandardBase64.decode(try reader.string("root").utf8), root.count == 32 else {
            throw SchemaFault(path: "\(name).root", problem: "must be a hash")
        }
        try reader.finish()
        return Checkpoint(origin: origin, size: UInt64(clamping: size), root: root)
    }

    /// Who decided it, by name and key as the log names people, after everything about it was checked.
    ///
    /// - Parameters:
    ///   - signatures: Of at least the manifest's threshold of custodians; one that does not hold refuses them all.
    ///   - manifest: The one in force.
    ///   - now: An order that has ended is refused.
    /// - Returns: The custodians in the order of their signatures.
    /// - Throws: `foreign`, `expired`, `tooFew`, or what is wrong with a signature.
    package func verify(
        signatures: [String], manifest: Manifest, now: UnixTime
    ) throws(CustodyError) -> [(name: String, fingerprint: String)] {
        guard appliance == manifest.appliance else {
            throw CustodyError(.foreign, "the restoration order is for another appliance")
        }
        guard now < expires, expires <= now.adding(seconds: RestorationOrder.longestLifetime) else {
            throw CustodyError(.expired, "the restoration order ended, or ends later than a week from now")
        }
        let names = try Quorum.require(
            Int(manifest.threshold), of: bytes, signatures: signatures, for: .restoration,
            among: manifest.custodians)
        var people: [(name: String, fingerprint: String)] = []
        for (name, signature) in zip(names, signatures) {
            people.append((name, try SSHSignature(armored: signature).publicKey.fingerprint))
        }
        return people
    }
}
