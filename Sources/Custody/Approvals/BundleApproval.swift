import Crypto
import StrictEncoding

/// What approvers sign for a configuration bundle: policy, issuers, clients and targets as one hash, with a number that
/// only grows, so that an older bundle never comes back unseen.
///
/// Its bytes are canonical JSON and a line feed; stock `ssh-keygen -Y sign -n configuration@vault-appliance` signs them.
package struct BundleApproval: Sendable, Equatable {
    private static let format = "vault-bundle-approval/1"
    /// The longest that is read, in bytes.
    package static let maximumBytes = 65_536
    /// A part: what it is called, and the SHA-256 of it in hexadecimal.
    package typealias Parts = [String: String]

    package var appliance: String
    /// The bundle's hash, in hexadecimal.
    package var bundle: String
    package var number: Int64
    /// What the bundle is made of, so that the next approver sees what changed.
    package var parts: Parts

    /// An approval.
    package init(appliance: String, bundle: String, number: Int64, parts: Parts) {
        self.appliance = appliance
        self.bundle = bundle
        self.number = number
        self.parts = parts
    }

    /// The file's bytes.
    package var bytes: [UInt8] {
        JSONWriter.canonical([
            "format": .string(BundleApproval.format), "appliance": .string(appliance), "bundle": .string(bundle),
            "number": .integer(number),
            "parts": .object(
                JSONObject(parts.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: .string($0.value)) })),
        ]) + [0x0A]
    }

    /// SHA-256 of the file, in hexadecimal.
    package var hash: String { Hexadecimal.string(SHA256.hash(data: bytes)) }

    /// Reads the file; anything but the bytes that `bytes` would write is refused.
    package init(file: [UInt8]) throws(CustodyError) {
        do {
            guard file.count <= BundleApproval.maximumBytes else {
                throw SchemaFault(path: "", problem: "is too long")
            }
            var reader = try ObjectReader(try JSONParser.parse(file))
            guard try reader.string("format") == BundleApproval.format else {
                throw reader.fault("format", "must be \(BundleApproval.format)")
            }
            appliance = try reader.string("appliance")
            bundle = try reader.string("bundle")
            guard Hexadecimal.decode(bundle)?.count == 32 else { throw reader.fault("bundle", "must be 64 digits") }
            number = try reader.integer("number", in: 1...JSONValue.safeIntegers.upperBound)
            guard let object = try reader.required("parts").object else {
                throw reader.fault("parts", "must be an object")
            }
            parts = [:]
            for member in object.members {
                guard let hash = member.value.string, Hexadecimal.decode(hash)?.count == 32 else {
                    throw reader.fault("parts.\(member.name)", "must be 64 digits")
                }
                parts[member.name] = hash
            }
            try reader.finish()
        } catch {
            throw CustodyError(.malformed, "the approval is not one: \(error)")
        }
        guard bytes == file else { throw CustodyError(.malformed, "the approval is not in canonical form") }
    }

    /// What differs from another approval, in words; empty when nothing does.
    package func changes(since other: BundleApproval?) -> [String] {
        guard let other else { return parts.keys.sorted().map { "new        \($0)" } }
        let names = Set(parts.keys).union(other.parts.keys).sorted()
        return names.compactMap { name in
            switch (other.parts[name], parts[name]) {
            case (nil, _?): "added      \(name)"
            case (_?, nil): "removed    \(name)"
            case (let before, let now): before == now ? nil : "changed    \(name)"
            }
        }
    }
}
