import Crypto
package import StrictEncoding

/// What one authorised person tells a running core to do at once: seal, cancel a request, quarantine a key, abort a
/// ceremony, vouch for the clock, prune a shard of the log.
///
/// It is a file that stock `ssh-keygen -Y sign -n order@vault-appliance` signs, good for one run of one core.
package struct Order: Sendable, Equatable {
    /// What is ordered.
    package enum Action: String, Sendable, CaseIterable {
        case seal, cancel, quarantine, abort, prune
        case acceptTime = "accept-time"

        /// Whether the signer says why: the reason stands under the signer's name in the transcript or the log.
        package var hasReason: Bool { self == .abort || self == .acceptTime }
    }

    private static let format = "vault-order/2"
    /// How far ahead an order may end, in seconds.
    package static let longestLifetime: Int64 = 600

    package var action: Action
    package var appliance: String
    /// The run of the core it is for.
    package var instance: String
    /// The request, the key, the ceremony or the number of the shard; empty for `seal` and `accept-time`.
    package var subject: String
    /// Why, in one line; empty but for `abort` and `accept-time`.
    package var reason: String
    package var expires: UnixTime
    /// Drawn anew for each order, 32 hexadecimal digits: one that was used is recognised, and none is taken for another.
    package var nonce: String

    /// An order.
    package init(
        action: Action, appliance: String, instance: String, subject: String, reason: String = "", expires: UnixTime,
        nonce: String
    ) {
        self.action = action
        self.appliance = appliance
        self.instance = instance
        self.subject = subject
        self.reason = reason
        self.expires = expires
        self.nonce = nonce
    }

    /// SHA-256 of the file, in hexadecimal.
    package var hash: String { Hexadecimal.string(SHA256.hash(data: bytes)) }

    /// The file's bytes.
    package var bytes: [UInt8] {
        JSONWriter.canonical([
            "format": .string(Order.format), "order": .string(action.rawValue), "appliance": .string(appliance),
            "instance": .string(instance), "subject": .string(subject), "reason": .string(reason),
            "expires": .string(expires.rfc3339), "nonce": .string(nonce),
        ]) + [0x0A]
    }

    /// Reads an order's file.
    package init(file: [UInt8]) throws(CustodyError) {
        do {
            var reader = try ObjectReader(try JSONParser.parse(file))
            guard try reader.string("format") == Order.format else {
                throw reader.fault("format", "must be \(Order.format)")
            }
            action = try reader.value("order", of: Action.self)
            appliance = try reader.string("appliance")
            instance = try reader.string("instance")
            subject = try reader.required("subject").string ?? ""
            guard let expires = UnixTime(rfc3339: try reader.string("expires")) else {
                throw reader.fault("expires", "must be a time")
            }
            self.expires = expires
            nonce = try reader.string("nonce")
            guard Hexadecimal.decode(nonce)?.count == 16 else { throw reader.fault("nonce", "must be 32 digits") }
            reason = try reader.required("reason").string ?? ""
            guard reason.isEmpty != action.hasReason else {
                throw reader.fault("reason", action.hasReason ? "is missing" : "does not belong to this order")
            }
            guard reason.isEmpty || PlanReader.isLine(reason) else {
                throw reader.fault("reason", "must be one line of at most 500 bytes")
            }
            try reader.finish()
        } catch {
            throw CustodyError(.malformed, "the order is not one: \(error)")
        }
        guard bytes == file else { throw CustodyError(.malformed, "the order is not in canonical form") }
    }

    /// Who gives the order, after everything about it was checked.
    package func verify(
        signature: String, manifest: Manifest, instance: String, now: UnixTime
    ) throws(CustodyError) -> String {
        guard appliance == manifest.appliance else {
            throw CustodyError(.foreign, "the order is for another appliance")
        }
        guard self.instance == instance else {
            throw CustodyError(.stale, "the order is for another run of the core: make a new one")
        }
        guard now < expires, expires <= now.adding(seconds: Order.longestLifetime) else {
            throw CustodyError(.expired, "the order ended, or ends later than \(Order.longestLifetime) s from now")
        }
        return try Quorum.signer(of: bytes, signature: signature, for: .order, among: manifest.people).name
    }
}
